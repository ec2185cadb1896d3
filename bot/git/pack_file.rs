//! The bytes of packs and of their indexes.
//!
//! Format: `gitformat-pack(5)`, packs of version 2 and indexes of version 2.

use std::io;

use flate2::Crc;
use gix::{
    ObjectId,
    objs::Kind,
    zlib::{
        Compression, Status,
        stream::deflate::{Compress, FlushCompress},
    },
};

/// The type number of an object that is a delta against one named by its id.
const REF_DELTA: u8 = 7;
/// Below this many bytes compressing saves less than it costs: they are ids, for the most part.
const TINY: usize = 128;
/// The most bytes of a pack: offsets in an index are then 31 bits, which every reader knows.
pub(super) const MAX_PACK: usize = 0x7fff_ffff;

/// An object's place in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Of the bytes in the pack, as the index wants it.
    pub(super) crc: u32,
}

/// What a pack holds of one object.
pub(super) enum Form<'a> {
    Whole(Kind, &'a [u8]),
    Delta(ObjectId, &'a [u8]),
}

/// Writes objects as packs hold them. It keeps its compressor, which is dear to make.
pub(super) struct Writer {
    fast: Compress,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { fast: Compress::new(Compression::BEST_SPEED) }
    }

    /// Appends an object; tells its place, and how far in it the compressed bytes begin.
    pub(super) fn object(&mut self, out: &mut Vec<u8>, form: &Form<'_>) -> io::Result<(Place, usize)> {
        let start = out.len();
        let data = match form {
            Form::Whole(kind, data) => {
                header(out, type_of(*kind), data.len());
                data
            }
            Form::Delta(base, delta) => {
                header(out, REF_DELTA, delta.len());
                out.extend_from_slice(base.as_slice());
                delta
            }
        };
        let zipped = out.len() - start;
        self.zip(out, data)?;
        Ok((place(out, start), zipped))
    }

    /// Appends `data` as a zlib stream.
    pub(super) fn zip(&mut self, out: &mut Vec<u8>, data: &[u8]) -> io::Result<()> {
        if data.len() < TINY {
            store(out, data);
            return Ok(());
        }
        self.fast.reset();
        let start = out.len();
        // Compressed bytes are hardly ever more than this; if they are, there is another turn.
        out.resize(start + data.len() + 64, 0);
        loop {
            let done = usize::try_from(self.fast.total_in()).map_err(io::Error::other)?;
            let filled = start + usize::try_from(self.fast.total_out()).map_err(io::Error::other)?;
            let status = self.fast.compress(&data[done..], &mut out[filled..], FlushCompress::Finish);
            if status.map_err(|error| io::Error::other(error.to_string()))? == Status::StreamEnd {
                out.truncate(start + usize::try_from(self.fast.total_out()).map_err(io::Error::other)?);
                return Ok(());
            }
            out.resize(out.len() + data.len() / 2 + 64, 0);
        }
    }
}

/// Appends an object without compressing it, for what stays on this machine: the list of a folder is ids for
/// the most part, which do not get smaller.
pub(super) fn stored(out: &mut Vec<u8>, kind: Kind, data: &[u8]) -> Place {
    let start = out.len();
    header(out, type_of(kind), data.len());
    store(out, data);
    place(out, start)
}

/// A zlib stream (RFC 1950) of stored blocks (RFC 1951, section 3.2.4).
pub(super) fn store(out: &mut Vec<u8>, data: &[u8]) {
    out.reserve(data.len() + data.len() / 0xffff * 5 + 11);
    out.extend_from_slice(&[0x78, 0x01]);
    let mut blocks = data.chunks(0xffff).peekable();
    if blocks.peek().is_none() {
        out.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        out.push(u8::from(blocks.peek().is_none()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&adler(data).to_be_bytes());
}

/// The checksum of a zlib stream (RFC 1950, section 8.2).
fn adler(data: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    // So many sums fit in 32 bits.
    for part in data.chunks(5552) {
        for byte in part {
            a += u32::from(*byte);
            b += a;
        }
        a %= 65_521;
        b %= 65_521;
    }
    b << 16 | a
}

fn place(out: &[u8], start: usize) -> Place {
    let mut crc = Crc::new();
    crc.update(&out[start..]);
    Place { start, end: out.len(), crc: crc.sum() }
}

fn type_of(kind: Kind) -> u8 {
    match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    }
}

/// Type and size, four bits of the size in the first byte and seven in each that follows.
fn header(out: &mut Vec<u8>, kind: u8, size: usize) {
    let mut rest = size >> 4;
    let mut byte = kind << 4 | (size & 0x0f) as u8;
    while rest > 0 {
        out.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    out.push(byte);
}

/// The beginning of a pack of so many objects.
pub(super) fn begin(count: usize) -> io::Result<[u8; 12]> {
    let count = u32::try_from(count).map_err(|_| io::Error::other("too many objects for one pack"))?;
    let mut out = *b"PACK\0\0\0\x02\0\0\0\0";
    out[8..].copy_from_slice(&count.to_be_bytes());
    Ok(out)
}

/// Appends the checksum that ends packs and indexes, and tells it.
pub(super) fn finish(out: &mut Vec<u8>) -> io::Result<ObjectId> {
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(out);
    let checksum = hasher.try_finalize().map_err(|error| io::Error::other(error.to_string()))?;
    out.extend_from_slice(checksum.as_slice());
    Ok(checksum)
}

/// The index of a pack with this checksum, version 2.
pub(super) fn index(objects: &[(ObjectId, Place)], checksum: ObjectId) -> io::Result<Vec<u8>> {
    let mut sorted: Vec<&(ObjectId, Place)> = objects.iter().collect();
    sorted.sort_unstable_by_key(|(id, _)| *id);
    let mut out = b"\xfftOc\0\0\0\x02".to_vec();
    out.reserve(1024 + sorted.len() * 28 + 40);
    let mut count = 0_u32;
    let mut ids = sorted.iter().peekable();
    for first in 0..=u8::MAX {
        while ids.next_if(|(id, _)| id.as_slice()[0] == first).is_some() {
            count += 1;
        }
        out.extend_from_slice(&count.to_be_bytes());
    }
    sorted.iter().for_each(|(id, _)| out.extend_from_slice(id.as_slice()));
    sorted.iter().for_each(|(_, place)| out.extend_from_slice(&place.crc.to_be_bytes()));
    for (_, place) in sorted {
        let start = u32::try_from(place.start).ok().filter(|_| place.start <= MAX_PACK);
        let start = start.ok_or_else(|| io::Error::other("the pack is too large"))?;
        out.extend_from_slice(&start.to_be_bytes());
    }
    out.extend_from_slice(checksum.as_slice());
    finish(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_compressed_or_stored_reads_back() {
        let mut writer = Writer::new();
        for length in [0, 1, 20, TINY - 1, TINY, 5551, 5552, 0xffff, 0x10000, 300_000] {
            // Not to be compressed, so that the compressor needs more room than it was given.
            let noise = (0..length as u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8);
            for data in [noise.collect::<Vec<u8>>(), vec![7; length]] {
                let (mut zipped, mut plain) = (Vec::new(), Vec::new());
                writer.zip(&mut zipped, &data).unwrap();
                store(&mut plain, &data);
                for bytes in [zipped, plain] {
                    let mut back = Vec::new();
                    flate2::read::ZlibDecoder::new(&*bytes).read_to_end(&mut back).unwrap();
                    assert!(back == data, "{length}");
                }
            }
        }
    }
}
