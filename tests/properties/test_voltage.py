"""The voltage organ against a slow model that looks at every second."""

from hypothesis import given, settings
from hypothesis import strategies as st

from slotmeter.dlms.cosem.hooks import Hooks
from slotmeter.dlms.cosem.tree import POLYPHASE, SINGLE, Tree
from slotmeter.firmware.objects import OBJECTS
from slotmeter.firmware.settings import Settings
from slotmeter.firmware.voltage import Voltage
from slotmeter.hal.metrology import Flow
from slotmeter.hal.records import Records
from slotmeter.hal.virtual.store import VirtualStore

START_S = 473385600
PHASES = (0x20, 0x34, 0x48)
# Number of the monitor, whether above, threshold in V, first code, code of the return.
EXTREMES = ((1, True, 287, 0x8020, 0x808D), (2, False, 180, 0x8028, 0x8095))
EXTREMES += ((3, False, 216, 0x802C, 0x8099), (4, True, 253, 0x8024, 0x8091))
OVER, UNDER = 264, 200

VOLTS = st.sampled_from([0, 1700, 1800, 1990, 2000, 2150, 2160, 2400, 2530, 2531, 2640, 2700, 2870, 2880])


def model(samples, period_s, holds, phases):
    """(told, rows, counts) as sets and lists; samples: the voltages of each second, None without power."""
    told, rows, counts = [], [[] for _ in range(phases)], [[0, 0] for _ in range(phases)]
    for phase in range(phases):
        add = 0 if phases == 1 else 1 + phase
        # Averages.
        over = under = False
        for end in range(period_s or len(samples) + 1, len(samples) + 1, period_s or 1):
            seen = [sample[phase] for sample in samples[end - period_s : end] if sample is not None]
            if not seen:
                continue
            average = int(sum(seen) / len(seen) + 0.5)
            volts = int(average / 10 + 0.5)
            rows[phase].append((end, volts))
            is_over, is_under = average > OVER * 10, average < UNDER * 10
            counts[phase][0] += is_over
            counts[phase][1] += is_under
            for now, before, start, back in ((is_over, over, 0x8002, 0x8085), (is_under, under, 0x8006, 0x8089)):
                if now != before:
                    told.append((end, (start if now else back) + add))
            over, under = is_over, is_under
        # Extremes: look back from every second whether the last `hold` seconds were all of the other kind.
        for (_, above, threshold, start, back), hold in zip(EXTREMES, holds, strict=True):
            if not hold:
                continue
            beyond = False
            for now in range(hold, len(samples) + 1):
                last = samples[now - hold : now]
                if None in last:
                    continue
                crossed = [s[phase] > threshold * 10 if above else s[phase] < threshold * 10 for s in last]
                if all(one != beyond for one in crossed):
                    beyond = not beyond
                    told.append((now, (start if beyond else back) + add))
    return sorted(told), rows, counts


@settings(max_examples=150, deadline=None)
@given(data=st.data(), period_s=st.sampled_from([0, 1, 7, 30, 60]), phases=st.sampled_from([1, 3]))
def test_the_organ_tells_logs_and_counts_what_the_model_does(data, period_s, phases):
    holds = data.draw(st.lists(st.sampled_from([0, 1, 5, 30]), min_size=4, max_size=4))
    pieces = data.draw(st.lists(st.tuples(st.integers(1, 40), st.tuples(*[VOLTS] * phases)), max_size=12))
    store = VirtualStore()
    # A whole multiple of every period.
    start_ms = START_S // 420 * 420 * 1000
    told = []

    def build():
        records = Records(store)
        tree = Tree(OBJECTS, POLYPHASE if phases == 3 else SINGLE, records, Hooks())
        organ = Voltage(tree, records, lambda code, _, at_s: told.append((at_s - start_ms // 1000, code)), Settings())
        return records, tree, organ

    records, tree, organ = build()
    for phase in PHASES[:phases]:
        for key, value in (
            (b"\x00\x07\x01\x00" + bytes((phase, 24, 0, 255, 4)), period_s),
            (b"\x00\x01\x01\x00" + bytes((phase, 35, 0, 4, 2)), OVER),
            (b"\x00\x01\x01\x00" + bytes((phase, 31, 0, 4, 2)), UNDER),
        ):
            tree.put(key, b"\x06" + value.to_bytes(4, "big"))
    for (number, _, threshold, _, _), hold in zip(EXTREMES, holds, strict=True):
        head = b"\x00\x47\x00\x00\x11\x00" + bytes((number, 255))
        tree.put(head + b"\x04", b"\x06" + threshold.to_bytes(4, "big"))
        tree.put(head + b"\x06", b"\x06" + hold.to_bytes(4, "big"))
    organ.load()
    organ.set_clock(start_ms)
    samples = []
    now = start_ms
    for seconds, volts in pieces:
        if data.draw(st.booleans()):
            # What is asked often changes nothing.
            organ.load()
            organ.flush()
        flow = Flow((0,) * phases, volts=volts)
        organ.see_flow(flow, now)
        target = now + seconds * 1000
        while True:
            due = organ.deadline_ms()
            step = target if due is None or due > target else due
            assert step >= now
            if step > now:
                organ.see(flow, now, step)
            now = step
            if due is None or due > target:
                break
            organ.tick(now)
        samples += [None if not any(volts) else volts] * seconds
    wanted, rows, counts = model(samples, period_s, holds, phases)
    assert sorted(told) == wanted
    organ.flush()
    records.commit()
    records, tree, organ = build()
    for i in range(phases):
        found = tree.rows(bytes((1, 0, PHASES[i], 24, 0, 255)))
        assert [
            (int.from_bytes(row[:4], "big") - start_ms // 1000, int.from_bytes(row[4:], "big")) for row in found
        ] == rows[i]
        for what, count in zip((36, 32), counts[i], strict=True):
            value = tree.value(b"\x00\x03\x01\x00" + bytes((PHASES[i], what, 0, 4, 2)))
            assert int.from_bytes(value[1:], "big") == count
