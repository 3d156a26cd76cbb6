//! The durability check detects every kind of damage.

use std::time::Duration;

use redis::Connection;

use crate::durability_check::{Promise, check};
use crate::ledger::Ledger;
use crate::support::*;
use crate::writers::WriterPool;

const KEY: &str = "w0:grown:0";

fn clean(con: &mut Connection, ledgers: &[Ledger]) {
    let (_, tally) = check(con, ledgers, Promise::All, "untouched");
    assert!(tally.is_clean() && tally.acknowledged > 100, "{tally}");
}

#[test]
fn it_detects_every_kind_of_damage() {
    let server = Server::start();
    let mut con = server.conn();
    let pool = WriterPool::start(server.port(), 5, Duration::from_millis(2));
    let mut early = redis::Value::Nil;
    assert!(wait_until(Duration::from_secs(10), || {
        early = cmd!(con, "DUMP", KEY);
        early != redis::Value::Nil
    }));
    // The final state must differ from the early one.
    let mut written = || int(&cmd!(con, "CONV.LEN", KEY));
    let at_first = written();
    assert!(wait_until(Duration::from_secs(60), || {
        pool.acknowledged() > 300 && written() > at_first + 1
    }));
    let ledgers = pool.stop();
    clean(&mut con, &ledgers);

    let message = "{\"role\":\"user\",\"content\":\"another\"}";
    let damages: [(&str, &[&str]); 8] = [
        (KEY, &["CONV.POP", KEY, "1"]),
        (KEY, &["CONV.DEL", KEY, "2"]),
        (KEY, &["CONV.EDIT", KEY, "1", message]),
        (KEY, &["CONV.APPEND", KEY, message]),
        (KEY, &["DEL", KEY]),
        (KEY, &["PEXPIREAT", KEY, "33333333333333"]),
        ("shared:0", &["CONV.APPEND", "shared:0", message]),
        ("shared:0", &["CONV.EDIT", "shared:0", "1", message]),
    ];
    for (key, wrong) in damages {
        let payload = bytes(&cmd!(con, "DUMP", key));
        run(&mut con, wrong).expect("a command");
        let (_, tally) = check(&mut con, &ledgers, Promise::Nothing, "wrong");
        // Only the newest writes may be missing without a guarantee, so this is a finding even with
        // `Promise::Nothing`.
        assert!(tally.diverged > 0, "{wrong:?}: {tally}");
        cmd!(con, "RESTORE", key, 0, payload, "REPLACE");
        clean(&mut con, &ledgers);
    }

    // One conversation returns to an earlier state, the others stay.
    cmd!(con, "RESTORE", KEY, 0, bytes(&early), "REPLACE");
    let (_, tally) = check(&mut con, &ledgers, Promise::All, "early");
    assert!(tally.lost > 0 && tally.diverged > 0, "{tally}");

    // Without a guarantee losing everything is acceptable; with one it is not.
    cmd!(con, "FLUSHALL");
    let (_, tally) = check(&mut con, &ledgers, Promise::Nothing, "empty");
    assert!(tally.is_clean(), "{tally}");
    let (_, tally) = check(&mut con, &ledgers, Promise::All, "empty");
    assert!(tally.lost > 100, "{tally}");
}
