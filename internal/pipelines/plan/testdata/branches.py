"""If, Elif and Else, nested, with dsl.OneOf, and a task after a skipped one."""
from kfp import compiler, dsl


@dsl.component
def number() -> int:
    return 7


@dsl.component
def say(text: str) -> str:
    return text


@dsl.pipeline(name='branches')
def branches(threshold: int = 5, flag: bool = True, ratio: float = 0.5) -> str:
    n = number()
    with dsl.If(n.output > threshold):
        big = say(text='big')
        with dsl.If(flag == True):
            say(text='flagged')
        with dsl.If(ratio < 0.25):
            low = say(text='low')
            say(text=low.output)
    with dsl.Elif(n.output == 3):
        three = say(text='three')
    with dsl.Else():
        small = say(text='small')
    chosen = dsl.OneOf(big.output, three.output, small.output)
    return say(text=chosen).output


if __name__ == '__main__':
    compiler.Compiler().compile(branches, __file__.replace('.py', '.yaml'))
