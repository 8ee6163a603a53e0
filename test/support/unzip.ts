import { crc32, inflateRawSync } from 'node:zlib';

const END_BYTES = 22;
const ENTRY = 0x02014b50;
const DATA = 0x04034b50;

/** The files of an archive by their names, as its directory lists them: each of the size and the checksum it says. */
export function unzip(archive: Buffer): Map<string, Buffer> {
  const end = archive.length - END_BYTES;
  expect(archive.readUInt32LE(end)).toBe(0x06054b50);
  const files = new Map<string, Buffer>();
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left; left--) {
    expect(archive.readUInt32LE(at)).toBe(ENTRY);
    const method = archive.readUInt16LE(at + 10);
    const [checksum, packed, size] = [16, 20, 24].map((offset) => archive.readUInt32LE(at + offset));
    const [named, extra, comment] = [28, 30, 32].map((offset) => archive.readUInt16LE(at + offset));
    const name = archive.toString('utf8', at + 46, at + 46 + named);
    const from = archive.readUInt32LE(at + 42);
    expect(archive.readUInt32LE(from)).toBe(DATA);
    const begin = from + 30 + archive.readUInt16LE(from + 26) + archive.readUInt16LE(from + 28);
    const bytes = archive.subarray(begin, begin + packed);
    const file = method === 8 ? inflateRawSync(bytes) : bytes;
    expect({ name, size: file.length, checksum: crc32(file) }).toEqual({ name, size, checksum });
    expect(files.has(name)).toBe(false);
    files.set(name, file);
    at += 46 + named + extra + comment;
  }
  return files;
}
