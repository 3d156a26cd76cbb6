//! Scenario: a cluster under load whose slots move and whose primaries are killed. No conversation may lose safe
//! messages or change their order.
//!
//! The guarantee tested is that of Redis: a write is safe once `WAIT` reports that a replica has it. The cluster
//! settles between faults, so that no primary is killed while the only replica of a moved slot lags behind.

mod atomic;
mod chat;
mod client;
mod nodes;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use chat::{Chat, Traffic, mix};
use client::Client;
use nodes::Cluster;

use crate::plan::{Plan, Tally};
use crate::support::*;

/// Number of writers. Each has its own conversations, spread over the slots.
const WRITERS: usize = 4;
/// Conversations per writer. Some share a slot.
const CHATS: usize = 6;

/// Moves slots and kills primaries until the time of the plan is over.
pub fn cluster(plan: &Plan) -> Tally {
    let mut tally = Tally::default();
    let outcome = catch_unwind(AssertUnwindSafe(|| rounds(plan, &mut tally)));
    let failed = match outcome {
        Ok(result) => result.err(),
        Err(panic) => {
            tally.crashed += 1;
            let text = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
            Some(text.unwrap_or_else(|| "panicked without a message".into()))
        }
    };
    tally.findings.extend(failed);
    tally
}

fn rounds(plan: &Plan, tally: &mut Tally) -> Result<(), String> {
    let mut cluster = Cluster::start()?;
    let ports = cluster.ports();
    let mut client = Client::new(&ports);
    let chats: Vec<Vec<Chat>> = (0..WRITERS)
        .map(|writer| {
            (0..CHATS)
                .map(|n| Chat::new(format!("{{slot {}}} of {writer}, {n}", (writer + n) % 8)))
                .collect()
        })
        .collect();
    for chats in &chats {
        chats[0].fill(&mut client, 3000)?;
    }
    cluster.settle()?;
    let redirected = AtomicU64::new(0);
    let mut number = 0;
    while plan.may_continue(number) {
        let rng = mix(plan.seed.wrapping_add(number));
        let stop = AtomicBool::new(false);
        let traffic = Traffic {
            ports: &ports,
            stop: &stop,
            redirected: &redirected,
        };
        let outcome = scope(|scope| {
            let mut threads: Vec<_> = chats
                .iter()
                .map(|chats| scope.spawn(|| chat::write(chats, &traffic)))
                .collect();
            threads.extend(
                chats[..2]
                    .iter()
                    .map(|chats| scope.spawn(|| chat::read(chats, &traffic))),
            );
            // The threads must stop even if this panics.
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                faults(&mut cluster, &chats, rng, plan, tally)
            }));
            stop.store(true, Ordering::SeqCst);
            for thread in threads {
                match thread.join() {
                    Ok(found) => tally.add(found),
                    Err(_) => tally.findings.push("a client panicked".into()),
                }
            }
            outcome
        });
        match outcome {
            Ok(result) => result?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        let crashed = cluster.crashed();
        tally.crashed += crashed.len() as u64;
        tally.findings.extend(crashed);
        if !tally.is_clean() {
            break;
        }
        cluster.settle()?;
        verify(&cluster, &chats, &mut client, tally)?;
        number += 1;
    }
    println!(
        "  slots were moved key by key{}",
        match cluster.way() {
            Some(way) => format!(" and atomically ({way:?})"),
            None => String::from(" only; this server cannot move them atomically"),
        }
    );
    let stale: u64 = chats
        .iter()
        .flatten()
        .map(|chat| chat.stale.load(Ordering::Relaxed))
        .sum();
    if stale > 0 {
        println!(
            "  {stale} reads were served by a former primary that did not know of its failover yet"
        );
    }
    if redirected.load(Ordering::Relaxed) == 0 {
        tally
            .findings
            .push("no client was ever redirected, so no slot moved under load".into());
    }
    Ok(())
}

/// One round: moves slots to another node and back, key by key and atomically, reshards with redis-cli, and kills one
/// primary.
fn faults(
    cluster: &mut Cluster,
    chats: &[Vec<Chat>],
    rng: u64,
    plan: &Plan,
    tally: &mut Tally,
) -> Result<(), String> {
    let moves = if plan.rounds == 1 { 4 } else { 16 };
    let way = cluster.way();
    for n in 0..moves {
        let chat = &chats[n % WRITERS][(rng as usize % CHATS + n) % CHATS];
        let slot = int(&cmd!(
            cluster.node(0).conn(),
            "CLUSTER",
            "KEYSLOT",
            &chat.key
        ));
        let slot = u16::try_from(slot).map_err(|e| e.to_string())?;
        let from = cluster.owner(slot)?;
        let others: Vec<usize> = cluster
            .pairs()?
            .into_keys()
            .filter(|node| *node != from)
            .collect();
        let to = others[mix(rng.wrapping_add(n as u64)) as usize % others.len()];
        // Every other slot is moved atomically, if the server supports it.
        let move_slot = |from, to| match way {
            Some(way) if n % 2 == 1 => cluster.move_at_once(way, slot, from, to),
            _ => cluster.move_slot(slot, from, to),
        };
        let (there, back) = (move_slot(from, to)?, move_slot(to, from)?);
        tally.faults += 2;
        if there == 0 || back == 0 {
            tally
                .findings
                .push(format!("slot {slot} of {} was empty", chat.key));
        }
    }
    cluster.settle()?;
    let pairs: Vec<(usize, usize)> = cluster.pairs()?.into_iter().collect();
    let from = mix(rng) as usize % 3;
    let to = (from + 1 + usize::from(rng & 1 == 1)) % 3;
    let slots = if plan.rounds == 1 { 10 } else { 400 };
    cluster.reshard(slots, pairs[from].0, pairs[to].0)?;
    tally.faults += 1;
    cluster.settle()?;

    let (primary, replica) = pairs[mix(rng ^ 1) as usize % 3];
    sleep(Duration::from_millis(rng % 300));
    let start = Instant::now();
    cluster.kill(primary, replica);
    tally.faults += 1;
    cluster.taken_over(replica)?;
    if plan.rounds > 1 {
        println!(
            "  {primary} killed, {replica} took over in {:?}",
            start.elapsed()
        );
    }
    cluster.revive(primary);
    cluster.settle()
}

/// Checks, while no client writes, that every conversation is complete on one primary and its replica, and on no other
/// node.
fn verify(
    cluster: &Cluster,
    chats: &[Vec<Chat>],
    client: &mut Client,
    tally: &mut Tally,
) -> Result<(), String> {
    let pairs = cluster.pairs()?;
    let mut keys = 0;
    for primary in pairs.keys() {
        keys += int(&cmd!(cluster.node(*primary).conn(), "DBSIZE")) as usize;
    }
    if keys != WRITERS * CHATS {
        tally.diverged += 1;
        tally.findings.push(format!(
            "{keys} keys on the primaries, expected {}",
            WRITERS * CHATS
        ));
    }
    for chat in chats.iter().flatten() {
        chat.verify(client, tally);
        let slot = int(&cmd!(
            cluster.node(0).conn(),
            "CLUSTER",
            "KEYSLOT",
            &chat.key
        ));
        let primary = cluster.owner(u16::try_from(slot).map_err(|e| e.to_string())?)?;
        let replica = pairs
            .get(&primary)
            .ok_or(format!("{primary} has no replica"))?;
        let [here, there] =
            [primary, *replica].map(|node| digest(&mut cluster.node(node).conn(), &chat.key));
        if here != there {
            tally.diverged += 1;
            tally
                .findings
                .push(format!("{}: the replica differs", chat.key));
        }
    }
    Ok(())
}

/// A short run.
#[test]
fn slots_move_and_a_primary_dies() {
    cluster(&Plan::short(Duration::from_secs(1), 1)).assert_clean();
}
