"""What a container may be given: image, resources, environment, retries, exit handler."""
from kfp import compiler, dsl


@dsl.container_component
def work(name: str):
    return dsl.ContainerSpec(image='busybox', command=['echo'], args=[name, dsl.ConcatPlaceholder(['--x=', name])])


@dsl.component
def report(status: dsl.PipelineTaskFinalStatus, note: str):
    print(status, note)


@dsl.component
def image() -> str:
    return 'alpine'


@dsl.pipeline(name='settings')
def settings(cpu: str = '500m', name: str = 'x'):
    exit_task = report(note='done')
    with dsl.ExitHandler(exit_task, name='all'):
        t = work(name=name).set_memory_request('64Mi').set_retry(2, '10s', 3.0, '20s')
        t.set_env_variable('NAME', 'fixed').set_accelerator_type('nvidia.com/gpu').set_accelerator_limit(1)
        t.set_display_name('The work')
        work(name='y').ignore_upstream_failure().after(t)
    img = image()
    work(name='z').set_container_image(img.output).set_cpu_limit(cpu)


if __name__ == '__main__':
    compiler.Compiler().compile(settings, __file__.replace('.py', '.yaml'))
