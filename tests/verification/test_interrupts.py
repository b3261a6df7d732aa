import signal
import threading

import pytest

from tightbound.verification.interrupts import interrupts_deferred


def press():
    signal.raise_signal(signal.SIGINT)


def test_ctrl_c_waits_for_the_end_of_the_block():
    done = []

    @interrupts_deferred()
    def work():
        press()
        done.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [True]


def test_pressed_twice_it_does_not_wait():
    before = signal.getsignal(signal.SIGINT)

    @interrupts_deferred()
    def work():
        press()
        press()
        raise AssertionError("it waited")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert signal.getsignal(signal.SIGINT) is before


def test_without_ctrl_c_nothing_happens_and_the_handler_is_back():
    before = signal.getsignal(signal.SIGINT)
    with interrupts_deferred():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_are_left_alone():
    failures = []

    def work():
        try:
            with interrupts_deferred():
                pass
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert failures == []
