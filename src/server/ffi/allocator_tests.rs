//! What Redis is asked for keeps the alignment that Rust was promised.

use std::alloc::Layout;

use super::redis_size;

#[test]
fn sizes_keep_their_alignment() {
    for align in [1, 2, 4, 8, 16] {
        for size in 1..2000 {
            let layout = Layout::from_size_align(size, align).expect("a layout");
            let asked = redis_size(size, layout);
            assert!(asked >= size && asked < size + align && asked.is_multiple_of(align));
        }
    }
}
