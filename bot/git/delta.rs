//! The one kind of delta that Gantry writes: a changed stretch between an equal beginning and end.
//!
//! Format: `gitformat-pack(5)`, "Deltified representation". A folder's list with a few changed entries is
//! such a stretch, and lists are most of what a push weighs.

/// `new` as a delta of `old`: the equal beginning and end are copied, the middle is written out. `None`
/// where that saves nothing.
pub(super) fn delta(old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let most = old.len().min(new.len());
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail =
        old[head..].iter().rev().zip(new[head..].iter().rev()).take(most - head).take_while(|(a, b)| a == b);
    let tail = tail.count();
    let middle = &new[head..new.len() - tail];
    if middle.len() + 64 >= new.len() {
        return None;
    }
    let mut out = Vec::with_capacity(middle.len() + 64);
    size(&mut out, old.len());
    size(&mut out, new.len());
    copy(&mut out, 0, head);
    for part in middle.chunks(127) {
        out.push(part.len() as u8);
        out.extend_from_slice(part);
    }
    copy(&mut out, old.len() - tail, tail);
    Some(out)
}

/// A size in a delta: seven bits a byte, the lowest first.
fn size(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Instructions to copy `length` bytes from `offset`, at most 64 KiB - 1 each, which every reader knows.
fn copy(out: &mut Vec<u8>, mut offset: usize, mut length: usize) {
    while length > 0 {
        let part = length.min(0xffff);
        let mut bytes = Vec::with_capacity(7);
        let mut instruction = 0x80_u8;
        for (place, value) in
            [offset, offset >> 8, offset >> 16, offset >> 24, part, part >> 8].iter().enumerate()
        {
            let byte = (value & 0xff) as u8;
            if byte != 0 {
                instruction |= 1 << place;
                bytes.push(byte);
            }
        }
        out.push(instruction);
        out.extend_from_slice(&bytes);
        offset += part;
        length -= part;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Applies a delta, as the specification reads.
    fn apply(old: &[u8], delta: &[u8]) -> Vec<u8> {
        let mut at = 0;
        let mut number = || {
            let (mut value, mut shift) = (0_usize, 0);
            loop {
                let byte = delta[at];
                at += 1;
                value |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    return value;
                }
            }
        };
        assert_eq!(number(), old.len());
        let length = number();
        let mut out = Vec::new();
        while at < delta.len() {
            let instruction = delta[at];
            at += 1;
            if instruction & 0x80 == 0 {
                out.extend_from_slice(&delta[at..at + usize::from(instruction)]);
                at += usize::from(instruction);
                continue;
            }
            let mut values = [0_usize; 2];
            for place in 0..7 {
                if instruction & 1 << place != 0 {
                    let (value, shift) = if place < 4 { (0, place) } else { (1, place - 4) };
                    values[value] |= usize::from(delta[at]) << (8 * shift);
                    at += 1;
                }
            }
            let length = if values[1] == 0 { 0x10000 } else { values[1] };
            out.extend_from_slice(&old[values[0]..values[0] + length]);
        }
        assert_eq!(out.len(), length);
        out
    }

    /// Bytes without repetition, cheaper to make than a generated list.
    fn bytes(seed: u32, length: usize) -> Vec<u8> {
        (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) ^ seed).to_be_bytes()[0]).collect()
    }

    proptest! {
        #[test]
        fn a_delta_gives_the_new_bytes(
            seed in any::<u32>(),
            length in 0_usize..400_000,
            from in any::<prop::sample::Index>(),
            cut in 0_usize..300,
            put in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let old = bytes(seed, length);
            let from = from.index(length + 1);
            let mut new = old.clone();
            new.splice(from..from + cut.min(length - from), put);
            if let Some(delta) = delta(&old, &new) {
                prop_assert_eq!(apply(&old, &delta), new);
            }
        }
    }

    #[test]
    fn nothing_is_saved_on_small_or_unlike_bytes() {
        assert_eq!(delta(b"a", b"b"), None);
        assert_eq!(delta(&[1; 1000], &[2; 1000]), None);
        assert!(delta(&[1; 1000], &[1; 1000]).is_some_and(|d| d.len() < 20));
    }
}
