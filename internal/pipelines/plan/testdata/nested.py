"""Pipelines in a pipeline: defaults, optional inputs, artifacts through two levels, .after."""
from typing import Optional

from kfp import compiler, dsl


@dsl.component
def make(text: str, data: dsl.Output[dsl.Dataset]) -> str:
    return text


@dsl.component
def use(data: dsl.Input[dsl.Dataset], note: Optional[str] = None, size: int = 3, extra: Optional[dsl.Input[dsl.Model]] = None) -> str:
    return str(size)


@dsl.component
def say(text: str):
    print(text)


@dsl.pipeline(name='inner')
def inner(data: dsl.Input[dsl.Dataset], note: Optional[str] = None, size: int = 4) -> str:
    return use(data=data, note=note, size=size).output


@dsl.pipeline(name='middle')
def middle(text: str = 'middle') -> dsl.Dataset:
    return make(text=text).outputs['data']


@dsl.pipeline(name='nested', pipeline_root='s3://elsewhere/root')
def nested(note: Optional[str] = None) -> str:
    m = middle()
    i = inner(data=m.output, note=note)
    last = say(text=f'{i.output} of {dsl.PIPELINE_JOB_NAME_PLACEHOLDER}')
    say(text=dsl.PIPELINE_JOB_ID_PLACEHOLDER).after(last)
    return i.output


if __name__ == '__main__':
    compiler.Compiler().compile(nested, __file__.replace('.py', '.yaml'))
