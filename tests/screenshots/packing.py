"""Pictures with a palette, which take a third of the room: the browser that took one reads it and chooses colours."""

import base64
import struct
import zlib
from typing import Final

from playwright.sync_api import Page

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_MOST_COLOURS: Final = 256

# The colours that are most used, and then those that are farthest from all of them, so that a symbol keeps its hue.
_QUANTISE: Final = """async ([png, most]) => {
  const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const parts = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const used = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
  const colours = used.map((value) => ({ value, rgb: parts(value), far: Infinity, place: 0 }));
  const palette = [];
  const take = (chosen) => {
    for (const colour of colours) {
      const far = colour.rgb.reduce((sum, part, index) => sum + (part - chosen.rgb[index]) ** 2, 0);
      if (far < colour.far) Object.assign(colour, { far, place: palette.length });
    }
    palette.push(...chosen.rgb);
    chosen.place = palette.length - 3;
  };
  for (const colour of colours.slice(0, (most * 5) / 8)) take(colour);
  while (palette.length < 3 * most) {
    const farthest = colours.reduce((one, other) => (other.far > one.far ? other : one));
    if (!farthest.far) break;
    take(farthest);
  }
  const places = new Map(colours.map(({ value, place }) => [value, place / 3]));
  let said = "";
  for (let start = 0; start < pixels.length; start += 8192) {
    said += String.fromCharCode(...Array.from(pixels.subarray(start, start + 8192), (pixel) => places.get(pixel)));
  }
  return { width, height, palette, said };
}"""


def packed(page: Page, png: bytes) -> bytes:
    """Return the same picture in at most 256 colours; `page` is an empty one."""
    found = page.evaluate(_QUANTISE, [base64.b64encode(png).decode(), _MOST_COLOURS])
    width, height, pixels = found["width"], found["height"], found["said"].encode("latin-1")
    lines = b"".join(b"\0" + pixels[start : start + width] for start in range(0, len(pixels), width))
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes(found["palette"])),
            _chunk(b"IDAT", zlib.compress(lines, level=9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
