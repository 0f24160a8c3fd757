"""Loops: over constants, over a parameter, nested, with sub-variables, with a limit, collected."""
from typing import List

from kfp import compiler, dsl


@dsl.component
def double(num: int) -> int:
    return 2 * num


@dsl.component
def total(nums: List[int]) -> int:
    return sum(nums)


@dsl.component
def say(text: str):
    print(text)


@dsl.component
def train(rate: float, model: dsl.Output[dsl.Model]):
    pass


@dsl.component
def best(models: dsl.Input[List[dsl.Model]]) -> int:
    return len(models)


@dsl.pipeline(name='loops')
def loops(numbers: List[int] = [1, 2, 3], pairs: list = [{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'y'}]) -> int:
    with dsl.ParallelFor(numbers, parallelism=2) as n:
        d = double(num=n)
    total(nums=dsl.Collected(d.output))
    with dsl.ParallelFor(pairs) as pair:
        double(num=pair.a)
        say(text=pair.b)
    with dsl.ParallelFor([1, 2]) as i:
        with dsl.ParallelFor([10, 20]) as j:
            inner = double(num=j)
        say(text=f'outer {i}')
    nested = total(nums=dsl.Collected(inner.output))
    with dsl.ParallelFor([0.1, 0.01]) as rate:
        t = train(rate=rate)
    best(models=dsl.Collected(t.outputs['model']))
    return nested.output


if __name__ == '__main__':
    compiler.Compiler().compile(loops, __file__.replace('.py', '.yaml'))
