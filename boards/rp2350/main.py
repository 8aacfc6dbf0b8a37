"""What the board starts by itself."""

from slotmeter.boards.rp2350.board import build, serve
from slotmeter.firmware.settings import Settings

serve(build(), Settings())
