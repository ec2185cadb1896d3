//! Deltas: an object as what it copies from another one and what is written out between.
//!
//! Format: `gitformat-pack(5)`, "Deltified representation". A folder's list with a few changed entries is
//! such an object, and lists are most of what a push weighs. Where the changed places are known
//! ([`from_splices`]) the lists need not be compared.

/// Below this many bytes an object goes whole: to look up its base costs a server more than these bytes do.
const WORTH: usize = 1024;

/// A place that changed: `cut` bytes at `at` of the old bytes gave way to `put`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) at: usize,
    pub(super) cut: usize,
    pub(super) put: Vec<u8>,
}

/// `new` as a delta of `old`: the equal beginning and end are copied, the middle is written out. `None`
/// where that saves nothing.
pub(super) fn delta(old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    if new.len() < WORTH {
        return None;
    }
    let most = old.len().min(new.len());
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail =
        old[head..].iter().rev().zip(new[head..].iter().rev()).take(most - head).take_while(|(a, b)| a == b);
    let tail = tail.count();
    let middle = &new[head..new.len() - tail];
    let splice = Splice { at: head, cut: old.len() - tail - head, put: middle.to_vec() };
    from_splices(old.len(), new.len(), std::slice::from_ref(&splice))
}

/// The places in which two lists of one length differ; `None` where the lengths differ too.
pub(super) fn differences(old: &[u8], new: &[u8]) -> Option<Vec<Splice>> {
    /// Equal bytes between two places that are cheaper written out than copied.
    const GAP: usize = 12;
    /// Equal bytes are passed over in pieces.
    const PIECE: usize = 256;
    if old.len() != new.len() {
        return None;
    }
    let mut places: Vec<(usize, usize)> = Vec::new();
    for (piece, (a, b)) in old.chunks(PIECE).zip(new.chunks(PIECE)).enumerate() {
        if a == b {
            continue;
        }
        for (place, _) in a.iter().zip(b).enumerate().filter(|(_, (a, b))| a != b) {
            let at = piece * PIECE + place;
            match places.last_mut() {
                Some((_, end)) if at < *end + GAP => *end = at + 1,
                _ => places.push((at, at + 1)),
            }
        }
    }
    let splice = |(at, end): (usize, usize)| Splice { at, cut: end - at, put: new[at..end].to_vec() };
    Some(places.into_iter().map(splice).collect())
}

/// The delta of the old bytes to those with `splices` made, which are sorted and apart from each other.
/// `None` where that saves nothing.
pub(super) fn from_splices(old: usize, new: usize, splices: &[Splice]) -> Option<Vec<u8>> {
    // A copy takes up to eight bytes and stands before each splice; sizes and the base's name are the rest.
    let weight: usize = splices.iter().map(|splice| splice.put.len() + 10).sum();
    if new < WORTH || weight + 50 > new / 2 {
        return None;
    }
    let mut out = Vec::with_capacity(weight + 50);
    size(&mut out, old);
    size(&mut out, new);
    let mut done = 0;
    for splice in splices {
        copy(&mut out, done, splice.at - done);
        for part in splice.put.chunks(127) {
            out.push(part.len() as u8);
            out.extend_from_slice(part);
        }
        done = splice.at + splice.cut;
    }
    copy(&mut out, done, old - done);
    Some(out)
}

/// The new bytes themselves.
pub(super) fn spliced(old: &[u8], splices: &[Splice]) -> Vec<u8> {
    let put: usize = splices.iter().map(|splice| splice.put.len()).sum();
    let mut out = Vec::with_capacity(old.len() + put);
    let mut done = 0;
    for splice in splices {
        out.extend_from_slice(&old[done..splice.at]);
        out.extend_from_slice(&splice.put);
        done = splice.at + splice.cut;
    }
    out.extend_from_slice(&old[done..]);
    out
}

/// Applies a delta; `None` where it does not belong to `old` or is no delta.
pub(super) fn apply(old: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut rest = delta;
    if number(&mut rest)? != old.len() {
        return None;
    }
    let length = number(&mut rest)?;
    let mut out = Vec::with_capacity(length.min(old.len() + delta.len()));
    while let Some((&instruction, after)) = rest.split_first() {
        rest = after;
        if instruction & 0x80 == 0 {
            let (put, after) = rest.split_at_checked(usize::from(instruction))?;
            out.extend_from_slice(put);
            rest = after;
            continue;
        }
        let mut values = [0_usize; 2];
        for place in 0..7 {
            if instruction & 1 << place != 0 {
                let (&byte, after) = rest.split_first()?;
                rest = after;
                let (value, shift) = if place < 4 { (0, place) } else { (1, place - 4) };
                values[value] |= usize::from(byte) << (8 * shift);
            }
        }
        let part = if values[1] == 0 { 0x10000 } else { values[1] };
        out.extend_from_slice(old.get(values[0]..values[0].checked_add(part)?)?);
        if out.len() > length {
            return None;
        }
    }
    (out.len() == length).then_some(out)
}

/// Reads what [`size`] writes.
fn number(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0_usize;
    for shift in (0..usize::BITS).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
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
                prop_assert_eq!(apply(&old, &delta), Some(new));
            }
        }
    }

    #[test]
    fn differences_are_found_wherever_they_are() {
        let old = bytes(3, 100_000);
        for places in [vec![], vec![0], vec![99_999], vec![255, 256], vec![5, 16, 18, 5_000, 70_000]] {
            let mut new = old.clone();
            places.iter().for_each(|place: &usize| new[*place] ^= 1);
            let splices = differences(&old, &new).unwrap();
            assert!(splices.len() <= places.len());
            assert_eq!(spliced(&old, &splices), new);
        }
        assert_eq!(differences(&old, &old[1..]), None);
    }

    #[test]
    fn many_places_are_one_delta() {
        let old = bytes(7, 300_000);
        let put = |at: usize, cut, put: &[u8]| Splice { at, cut, put: put.to_vec() };
        let splices =
            [put(0, 1, b""), put(70_000, 0, b"new"), put(70_000, 0, &[9; 300]), put(299_999, 1, b"end")];
        let new = spliced(&old, &splices);
        assert_eq!(new.len(), 300_000 - 2 + 306);
        let delta = from_splices(old.len(), new.len(), &splices).unwrap();
        assert!(delta.len() < 400, "{}", delta.len());
        assert_eq!(apply(&old, &delta), Some(new));
        // What is no delta of these bytes is told, whatever it is.
        assert_eq!(apply(&old[1..], &delta), None);
        for end in 0..delta.len() {
            assert_eq!(apply(&old, &delta[..end]), None);
        }
    }

    #[test]
    fn nothing_is_saved_on_small_or_unlike_bytes() {
        assert_eq!(delta(b"a", b"b"), None);
        assert_eq!(delta(&[1; 1000], &[1; 1000]), None);
        assert_eq!(delta(&[1; 2000], &[2; 2000]), None);
        assert!(delta(&[1; 2000], &[1; 2000]).is_some_and(|d| d.len() < 20));
    }
}
