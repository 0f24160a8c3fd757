"""Two container steps: the second reads what the first wrote."""
from kfp import compiler, dsl


@dsl.container_component
def produce(text: str, out: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image='busybox', command=['sh', '-c', 'echo -n "$0" > "$1"'], args=[text, out])


@dsl.container_component
def consume(text: str):
    return dsl.ContainerSpec(image='busybox', command=['echo'], args=[text])


@dsl.pipeline(name='chain', description='A chain of two.')
def chain(text: str = 'hello'):
    first = produce(text=text)
    consume(text=first.outputs['out'])


if __name__ == '__main__':
    compiler.Compiler().compile(chain, __file__.replace('.py', '.yaml'))
