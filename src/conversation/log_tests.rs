//! The log against a plain list, over many segments.

use proptest::prelude::*;

use super::super::flags::Flags;
use super::super::message::{Class, Facts};
use super::super::search::{Bytes, Systems, Tokens};
use super::super::segment::SEGMENT_BYTES;
use super::super::sums::Sums;
use super::Log;

/// A message of the plain list.
#[derive(Debug, Clone)]
struct Plain {
    seq: i64,
    bytes: Vec<u8>,
    tokens: u32,
    flags: Flags,
}

#[derive(Debug, Clone)]
enum Op {
    Push {
        len: usize,
        tokens: u32,
        class: u8,
        hidden: bool,
        group_start: bool,
        gap: i64,
    },
    Remove(usize, usize),
    Replace(usize, usize, u32),
    Update(usize, usize, u32),
    Count(usize, usize, u32),
    Compress {
        hot_bytes: usize,
        install: bool,
    },
    /// The copies made before and the log must not see each other's changes.
    Copy(usize, bool),
}

fn flags(class: u8, hidden: bool, group_start: bool) -> Flags {
    let classes = [Class::System, Class::User, Class::Assistant, Class::Tool];
    let mut flags = Flags::of(&Facts {
        class: classes[usize::from(class % 4)],
        unread: class & 8 > 0,
        ..Facts::default()
    });
    flags.set_tracked(hidden, group_start, class & 4 > 0);
    flags.set_pending(false);
    flags
}

fn op() -> impl Strategy<Value = Op> {
    let at = 0..200usize;
    prop_oneof![
        8 => (2..7000usize, 0..50u32, any::<u8>(), any::<bool>(), any::<bool>(), 1..40_000i64).prop_map(
            |(len, tokens, class, hidden, group_start, gap)| Op::Push { len, tokens, class, hidden, group_start, gap }
        ),
        2 => (at.clone(), 1..9usize).prop_map(|(at, n)| Op::Remove(at, n)),
        1 => (at.clone(), 2..40_000usize, 0..50u32).prop_map(|(at, len, tokens)| Op::Replace(at, len, tokens)),
        1 => (at.clone(), 1..30usize, 0..50u32).prop_map(|(at, n, tokens)| Op::Update(at, n, tokens)),
        1 => (at, 1..60usize, 0..50u32).prop_map(|(at, n, tokens)| Op::Count(at, n, tokens)),
        2 => (0..40_000usize, any::<bool>()).prop_map(|(hot_bytes, install)| Op::Compress { hot_bytes, install }),
        1 => (0..200usize, any::<bool>()).prop_map(|(at, swap)| Op::Copy(at, swap)),
    ]
}

fn weight(plain: &Plain) -> Sums {
    let visible = u64::from(!plain.flags.hidden());
    Sums {
        messages: 1,
        others: u64::from(!plain.flags.system()),
        tokens: u64::from(plain.tokens),
        visible,
        visible_tokens: visible * u64::from(plain.tokens),
        group_starts: u64::from(plain.flags.group_start()),
        users: u64::from(plain.flags.user_start()),
        pending: u64::from(plain.flags.pending()),
        unread: u64::from(plain.flags.unread()),
        edited: u64::from(plain.flags.edited()),
        bytes: plain.bytes.len() as u64,
    }
}

fn check(log: &Log, list: &[Plain]) {
    assert_eq!(log.len(), list.len());
    assert_eq!(log.is_empty(), list.is_empty());
    let mut sums = Sums::default();
    for (i, plain) in list.iter().enumerate() {
        assert_eq!(log.sums_before(i), sums, "before {i}");
        let stored = log.get(i).expect("held");
        assert_eq!(stored.seq, plain.seq);
        let same = log.with_message(i, |bytes| bytes == plain.bytes);
        assert_eq!((same, stored.len), (Ok(Some(true)), plain.bytes.len()));
        assert_eq!((stored.tokens, stored.flags), (plain.tokens, plain.flags));
        assert_eq!(log.find(plain.seq), Some(i));
        assert_eq!(log.position_of(plain.seq), i);
        let wanted = sums.tokens + 1;
        let reached = list.iter().scan(0, |sum, m| {
            *sum += u64::from(m.tokens);
            Some(*sum)
        });
        let expected = reached.clone().position(|sum| sum >= wanted).map(|p| p + 1);
        assert_eq!(log.first_reaching::<Tokens>(wanted), expected);
        let group_start = |range: std::ops::Range<usize>| {
            let mut found = range.filter(|&p| list[p].flags.group_start());
            (found.next(), found.next_back())
        };
        assert_eq!(log.group_start_from(i), group_start(i..list.len()).0);
        let (first, last) = group_start(0..i + 1);
        assert_eq!(log.group_start_until(i), last.or(first));
        sums = sums.plus(weight(plain));
    }
    assert_eq!(log.totals(), sums);
    assert_eq!(log.sums_before(list.len()), sums);
    // However much is edited, no segment grows without bound.
    let largest = log
        .segments()
        .filter(|s| s.entries().len() > 1)
        .map(|s| s.stored().0)
        .max();
    assert!(
        largest.is_none_or(|bytes| bytes <= 2 * SEGMENT_BYTES + 7000),
        "{largest:?}"
    );
    assert_eq!(log.first_seq(), list.first().map(|m| m.seq));
    let mut pending = Vec::new();
    assert!(log.visit_pending(&(0..list.len()), |at| {
        pending.push(at);
        true
    }));
    let expected = (0..list.len()).rev().filter(|&at| list[at].flags.pending());
    assert_eq!(pending, expected.collect::<Vec<_>>());
    let leading = list.iter().take_while(|m| m.flags.system()).count();
    assert_eq!(log.leading(), leading);
    assert_eq!(
        log.leading_tokens(),
        log.sums_before(leading).visible_tokens
    );
    for at in 0..list.len() + 1 {
        let sums = log.sums_before(at);
        assert_eq!(log.before::<Systems>(at), sums.messages - sums.others);
        assert_eq!(log.before::<Bytes>(at), sums.bytes);
        let rest = log.totals().minus(sums);
        assert_eq!(log.visible_from(at), (rest.visible_tokens, rest.visible));
        let half = at / 2..at;
        let bytes: usize = list[half.clone()].iter().map(|m| m.bytes.len() + 1).sum();
        assert_eq!(log.bytes_of(&half), bytes);
    }
    let mut visited = Vec::new();
    log.read(0..list.len())
        .expect("memory")
        .visit(false, |m| visited.push((m.meta.seq, m.bytes.to_vec())));
    let expected: Vec<_> = list.iter().map(|m| (m.seq, m.bytes.clone())).collect();
    assert_eq!(visited, expected);
    for (from, to) in [(0, list.len()), (list.len() / 3, list.len() / 2)] {
        for visible in [false, true] {
            let mut runs = Vec::new();
            let messages = log.read(from..to).expect("memory");
            messages.visit_runs(visible, |run| runs.extend_from_slice(run));
            let mut expected = Vec::new();
            for plain in &list[from..to] {
                if !(visible && plain.flags.hidden()) {
                    expected.extend_from_slice(&plain.bytes);
                    expected.push(b',');
                }
            }
            assert_eq!(runs, expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..Default::default() })]

    #[test]
    fn log_is_a_list(ops in proptest::collection::vec(op(), 1..120)) {
        let mut log = Log::default();
        let mut list: Vec<Plain> = Vec::new();
        let mut seq = 0;
        let mut copies: Vec<(Log, Vec<Plain>)> = Vec::new();
        let mut snapshots = Vec::new();
        for op in ops {
            match op {
                Op::Copy(at, swap) => {
                    let at = at.min(list.len());
                    let mut copy = (log.up_to(at).expect("memory"), list[..at].to_vec());
                    snapshots.push((log.snapshot(at / 2..at), at / 2..at, copy.1.clone()));
                    if swap {
                        std::mem::swap(&mut log, &mut copy.0);
                        std::mem::swap(&mut list, &mut copy.1);
                        seq = list.last().map_or(0, |last| last.seq);
                    }
                    copies.push(copy);
                }
                Op::Push { len, tokens, class, hidden, group_start, gap } => {
                    seq += gap;
                    let plain = Plain {
                        seq,
                        bytes: vec![b'a' + (class % 26); len],
                        tokens,
                        flags: flags(class, hidden, group_start),
                    };
                    log.push(seq, seq * 100_000, tokens, plain.flags, &plain.bytes);
                    list.push(plain);
                }
                Op::Remove(at, n) if at < list.len() => {
                    let to = (at + n).min(list.len());
                    log.remove(at..to);
                    list.drain(at..to);
                }
                Op::Replace(at, len, tokens) if at < list.len() => {
                    let plain = &mut list[at];
                    plain.bytes = vec![b'z'; len];
                    plain.tokens = tokens;
                    log.replace(at, tokens, plain.flags, &plain.bytes);
                }
                Op::Update(at, n, tokens) if at < list.len() => {
                    let to = (at + n).min(list.len());
                    log.update(at..to, |e| {
                        e.tokens = tokens;
                        e.flags.set_hidden(tokens % 2 == 0);
                        e.flags.set_pending(tokens % 3 == 0);
                    });
                    for plain in &mut list[at..to] {
                        plain.tokens = tokens;
                        plain.flags.set_hidden(tokens % 2 == 0);
                        plain.flags.set_pending(tokens % 3 == 0);
                    }
                }
                Op::Count(at, n, tokens) if at < list.len() => {
                    let to = (at + n).min(list.len());
                    // Every other one, and one that was never there.
                    let chosen = list[at..to].iter_mut().step_by(2);
                    let mut counts = vec![(-5, 1)];
                    for plain in chosen {
                        counts.push((plain.seq, tokens));
                        if plain.flags.pending() {
                            plain.tokens = tokens;
                            plain.flags.set_pending(false);
                        }
                    }
                    log.set_counts(&counts);
                }
                Op::Compress { hot_bytes, install } => {
                    for job in log.to_compress(hot_bytes, usize::MAX) {
                        job.run();
                    }
                    // Otherwise something may change before the result is taken.
                    if install {
                        log.install();
                    }
                }
                _ => {}
            }
        }
        check(&log, &list);
        log.install();
        check(&log, &list);
        for (copy, list) in &copies {
            check(copy, list);
        }
        for (snapshot, range, list) in snapshots {
            let held = snapshot.positions();
            assert!(range.is_empty() || (held.start <= range.start && range.end <= held.end));
            let mut read = Vec::new();
            let messages = snapshot.read(range.clone()).expect("memory");
            messages.visit(false, |m| read.push((m.meta.seq, m.bytes.to_vec())));
            let expected: Vec<_> = list[range].iter().map(|m| (m.seq, m.bytes.clone())).collect();
            assert_eq!(read, expected);
        }
    }
}

/// What a copy shares counts as shared until the last holder but one is gone or has changed it.
#[test]
fn copies_share_segments() {
    let mut log = Log::default();
    for seq in 1..=1000 {
        log.push(seq, seq, 10, flags(1, false, true), &[b'x'; 500]);
    }
    for job in log.to_compress(64 << 10, usize::MAX) {
        job.run();
    }
    log.install();
    let segments = log.segments().len();
    assert!(log.compressed_bytes() > 0 && segments > 12);
    let mut copy = log.clone();
    let address = |log: &Log, index: usize| {
        let segment = log.segments().nth(index).expect("a segment");
        match segment.stored() {
            (_, Some(text)) => text.as_ptr(),
            (_, None) => segment.bytes().expect("memory").as_ptr(),
        }
    };
    let in_common = |log: &Log, copy: &Log| {
        let both = log.segments().len().min(copy.segments().len());
        (0..both)
            .filter(|&i| address(log, i) == address(copy, i))
            .count()
    };
    assert_eq!(in_common(&log, &copy), segments);
    copy.push(1001, 1001, 10, flags(1, false, true), b"one more");
    assert_eq!(in_common(&log, &copy), segments - 1);
    copy.update_at(3, |e| e.tokens = 7);
    assert_eq!(in_common(&log, &copy), segments - 2);
    log.replace(500, 10, flags(1, false, true), b"another");
    assert_eq!(in_common(&log, &copy), segments - 3);
}

/// A segment that is read again stays uncompressed.
#[test]
fn repeated_reads_do_not_decompress_again() {
    let mut log = Log::default();
    for seq in 1..=1000 {
        log.push(seq, seq, 10, flags(1, false, true), &[b'x'; 500]);
    }
    for job in log.to_compress(0, usize::MAX) {
        job.run();
    }
    log.install();
    let all = 0..log.len();
    let to_decompress = log.bytes_to_decompress(all.clone());
    assert!(to_decompress > 400_000);
    log.read(all.clone()).map(drop).expect("memory");
    assert_eq!(log.bytes_to_decompress(all.clone()), to_decompress);
    assert_eq!(log.opened_bytes(), 0);
    log.read(all.clone()).map(drop).expect("memory");
    assert_eq!(log.bytes_to_decompress(all), 0);
    assert!(log.opened_bytes() > 500_000);
}

/// What RECENT returns every time is not decompressed every time.
#[test]
fn leading_system_messages_stay_uncompressed() {
    let said = |n: i64| format!("{{\"role\":\"user\",\"content\":\"{n} and so on\"}}").repeat(9);
    let compressed = |hot_bytes| {
        let mut log = Log::default();
        for seq in 1..=1000 {
            let flags = flags(u8::from(seq > 2), false, true);
            log.push(seq, seq, 10, flags, said(seq).as_bytes());
        }
        for _ in 0..2 {
            for job in log.to_compress(hot_bytes, usize::MAX) {
                job.run();
            }
            log.install();
        }
        assert_eq!(
            (log.first_seq(), log.leading(), log.len()),
            (Some(1), 2, 1000)
        );
        let segments = log.segments();
        segments
            .map(|s| (s.is_compressed(), s.entries().len()))
            .collect::<Vec<_>>()
    };
    let segments = compressed(40_000);
    assert_eq!(segments[0], (false, 2));
    assert!(segments[1].0 && segments[2].0, "{segments:?}");
    assert!(!segments[segments.len() - 1].0, "{segments:?}");
    // Unless nothing stays uncompressed.
    let segments = compressed(0);
    assert!(segments[0].0 && segments[0].1 > 2, "{segments:?}");
}
