"""The watch over the trust centre: a hub that answers, is silent, and comes back."""

from slotmeter.zigbee_han import server, zcl
from slotmeter.zigbee_han.clusters.keep_alive import ANSWER_WITHIN_MS, KEEP_ALIVE, KeepAlive, Watch

HUB = bytes.fromhex("90b3d51f30010000")
METER = bytes.fromhex("00db1234567890a0")


class Air:
    """A meter that watches and a hub that answers while it is `there`."""

    def __init__(self, base_min=2, jitter_s=30):
        self.hub = server.Endpoint([KeepAlive(base_min, jitter_s)])
        self.meter = server.Endpoint([])
        self.asked = []
        self.watch = Watch(self.meter, HUB, 1, self.random, 0)
        self.there = True
        self.questions = []

    def random(self, most):
        self.asked.append(most)
        return most // 2

    def until(self, end_ms):
        """Facts of the watch by then, with their times."""
        found = []
        while self.watch.deadline_ms() <= end_ms:
            now = self.watch.deadline_ms()
            self.watch.tick(now)
            message = self.meter.to_send()
            if message is not None:
                assert message.secured
                self.questions.append(now)
                message.peer = METER
                if self.there:
                    self.hub.receive(message, now)
                    answer = self.hub.to_send()
                    answer.peer = HUB
                    self.meter.receive(answer, now)
            fact = self.meter.next_event()
            if fact is not None:
                assert self.watch.heard(fact, now)
            event = self.watch.next_event()
            if event is not None:
                found.append((repr(event), now))
        return found


def test_the_hub_is_asked_as_often_as_it_says():
    air = Air()
    assert air.until(1500000) == []
    # The first time by the standard's own numbers, ten minutes and up to five; then two minutes and up to half a one.
    assert air.asked[:3] == [300, 30, 30]
    assert air.questions[:3] == [750000, 750000 + 135000, 750000 + 270000]


def test_three_times_without_an_answer_are_a_loss_and_the_next_answer_is_the_end_of_it():
    air = Air()
    air.until(800000)
    air.there = False
    (what, lost), *more = air.until(2000000)
    assert what == "Lost(3 times no answer)"
    assert [what for what, _ in more] == ["Lost(%d times no answer)" % (4 + number) for number in range(len(more))]
    assert len(more) == 5
    assert lost == 885000 + 2 * (135000 + ANSWER_WITHIN_MS) + ANSWER_WITHIN_MS
    air.there = True
    assert [what for what, _ in air.until(3000000)] == ["Back()"]


def test_answers_that_are_none_do_not_count():
    air = Air()
    air.watch.tick(air.watch.deadline_ms())
    question = zcl.parse_frame(air.meter.to_send().data)
    records = [(0, 0, zcl.U8, 5)]
    for peer, cluster, sequence, secured in (
        (METER, KEEP_ALIVE, question.sequence, True),
        (HUB, 0x0702, question.sequence, True),
        (HUB, KEEP_ALIVE, question.sequence + 1, True),
        (HUB, KEEP_ALIVE, question.sequence, False),
    ):
        fact = server.Answered(server.Message(peer, 1, cluster, b"", secured), sequence, records)
        assert not air.watch.heard(fact, 0)
    fact = server.Answered(server.Message(HUB, 1, KEEP_ALIVE, b""), question.sequence, records)
    assert air.watch.heard(fact, 0)
    assert not air.watch.heard(fact, 0)
    assert not air.watch.heard("something else", 0)


def test_a_hub_that_does_not_know_the_cluster_is_there_when_it_says_so_with_the_link_key():
    for secured, lost in ((True, 0), (False, 1)):
        air = Air()
        air.there = False
        found = []
        for _ in range(3):
            air.watch.tick(air.watch.deadline_ms())
            question = zcl.parse_frame(air.meter.to_send().data)
            told = server.Told(
                server.Message(HUB, 1, KEEP_ALIVE, b"", secured), question.sequence, 0, zcl.UNSUPPORTED_CLUSTER
            )
            assert air.watch.heard(told, air.watch.deadline_ms()) == secured
            air.watch.tick(air.watch.deadline_ms() - secured)
            found += [air.watch.next_event()]
        assert len([one for one in found if one is not None]) == lost
