# For who builds their own MicroPython: freezes the staged tree, so that code runs from flash and leaves the heap free.
# Run `python tools/stage.py` first, then `make BOARD=RPI_PICO2 FROZEN_MANIFEST=<this file>` in MicroPython's ports/rp2.
include("$(PORT_DIR)/boards/manifest.py")  # type: ignore[name-defined]  # noqa: F821
package("slotmeter", base_path="../../build/board/lib")  # type: ignore[name-defined]  # noqa: F821
