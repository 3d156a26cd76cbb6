//! How much a growing list reserves: a compromise between wasting memory and asking the allocator at each message.

use thin_vec::ThinVec;

use super::segment::SEGMENT_BYTES;

/// Makes room for `more` elements, and for half as many again as there are, up to [`SEGMENT_BYTES`], since a segment is closed
/// when it holds so much. What the allocator gives anyway is taken: so there is room for the next message more often, and
/// no byte more is used. When nobody uses the conversation for a second or two, the rest is given back.
pub fn reserve_for_append<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        let most = (SEGMENT_BYTES / size_of::<T>()).saturating_sub(list.len());
        let more = more.max((list.len() / 2).min(most));
        let wanted = list
            .len()
            .saturating_add(more)
            .saturating_mul(size_of::<T>());
        let given = size_class(wanted) / size_of::<T>();
        list.reserve_exact(more.max(given.saturating_sub(list.len())));
    }
}

/// Bytes on the heap of a list that most conversations do not have: without elements it takes only a pointer.
pub fn thin_bytes<T>(list: &ThinVec<T>) -> usize {
    const HEADER: usize = 2 * size_of::<usize>();
    match list.capacity() {
        0 => 0,
        capacity => HEADER + capacity * size_of::<T>(),
    }
}

/// The bytes that jemalloc allocates for so many: it has four sizes from each power of two to the next. Large sizes stay
/// as they are, since pages that nobody touches cost nothing.
fn size_class(bytes: usize) -> usize {
    const SMALLEST: usize = 128;
    const LARGEST: usize = SEGMENT_BYTES;
    if !(SMALLEST..LARGEST).contains(&bytes) {
        return bytes;
    }
    let power = (bytes - 1).ilog2();
    bytes.next_multiple_of(1 << (power - 2))
}

#[cfg(test)]
mod tests {
    use super::size_class;

    #[test]
    fn sizes_are_those_of_jemalloc() {
        for (asked, given) in [
            (100, 100),
            (128, 128),
            (129, 160),
            (256, 256),
            (257, 320),
            (1000, 1024),
            (1025, 1280),
            (28_000, 28_672),
            (32_768, 32_768),
            (1_000_001, 1_000_001),
        ] {
            assert_eq!(size_class(asked), given, "{asked}");
        }
    }
}
