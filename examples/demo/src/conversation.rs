//! An afternoon at an airline's support desk, in OpenAI's message format: a model that talks, and calls tools.

use serde_json::{Value, json};

#[derive(Default)]
struct Script {
    messages: Vec<String>,
    calls: usize,
}

impl Script {
    fn say(&mut self, role: &str, content: &str) {
        self.messages
            .push(json!({"role": role, "content": content}).to_string());
    }

    fn user(&mut self, content: &str) {
        self.say("user", content);
    }

    fn agent(&mut self, content: &str) {
        self.say("assistant", content);
    }

    /// One assistant message that calls these tools (name, arguments, result), and a message per result.
    fn calls(&mut self, tools: &[(&str, Value, Value)]) {
        let (mut calls, mut results) = (Vec::new(), Vec::new());
        for (name, arguments, result) in tools {
            self.calls += 1;
            let id = format!("call_{:08x}", self.calls * 0x9E37_79B9 % 0xFFFF_FFFB);
            calls.push(json!({
                "id": id, "type": "function",
                "function": {"name": name, "arguments": arguments.to_string()},
            }));
            let content = result
                .as_str()
                .map_or_else(|| result.to_string(), str::to_string);
            results
                .push(json!({"role": "tool", "tool_call_id": id, "content": content}).to_string());
        }
        self.messages
            .push(json!({"role": "assistant", "content": null, "tool_calls": calls}).to_string());
        self.messages.extend(results);
    }
}

/// What a flight search returns: as in real life, most of what there is to read.
fn flights(from: &str, to: &str, date: &str, number: u32) -> Value {
    let stops = ["direct", "KEF", "LHR", "AMS", "ARN"];
    let found = stops.iter().zip(0_u32..).map(|(via, i)| {
        json!({
            "flight": format!("HA{}", number + i * 17), "from": from, "to": to, "via": via, "date": date,
            "departs": format!("{:02}:{:02}", 7 + i * 3, 10 * (i % 6)),
            "arrives": format!("{:02}:{:02}", (16 + i * 3) % 24, 5 * (i + 2)),
            "aircraft": if i == 0 { "Airbus A330-900" } else { "Airbus A321neo" },
            "on_time_percent": 91 - i * 3, "co2_kg": 388 + i * 41, "meals": ["VGML", "CHML", "GFML"],
            "seats": {"economy": 23 - i * 4, "premium": 6 - i, "business": i},
            "fare": {"economy": 412 + i * 37, "premium": 688 + i * 51, "business": 1940 + i * 120, "currency": "EUR"},
            "rules": {"change": "free with Flex", "refund_eur": 25 * i, "bags": 1, "check_in_hours": 30},
        })
    });
    json!({"found": stops.len(), "flights": found.collect::<Vec<_>>()})
}

/// The messages, each as JSON, oldest first.
pub fn messages() -> Vec<String> {
    let mut s = Script::default();
    s.say(
        "system",
        "You are a support agent of Halcyon Air. Identify the customer first. List the details and ask for a clear \
         yes before you change or charge anything. Prices come from tools only, never from memory.",
    );
    opening(&mut s);
    outbound(&mut s);
    on_board(&mut s);
    way_back(&mut s);
    closing(&mut s);
    s.messages
}

fn opening(s: &mut Script) {
    s.user(
        "Hi, I booked flights to Boston for my family and now my daughter's exam has been moved. \
         Can you help?",
    );
    s.agent(
        "Of course, I'm sorry about the trouble. Could you give me your booking code or your \
         customer number?",
    );
    s.user("I only have the customer number here: 8841-2207. The name is Mara Lindqvist.");
    s.calls(&[(
        "get_customer",
        json!({"customer": "8841-2207"}),
        json!({"customer": "8841-2207", "name": "Mara Lindqvist", "tier": "silver", "email": "mara@example.com",
               "language": "en", "bookings": ["QX7L2M", "P03NVA"], "vouchers": [{"id": "V-5521", "eur": 60}],
               "cards": [{"id": "card_31", "brand": "visa", "last4": "0492"}]}),
    )]);
    s.agent(
        "Thank you, Mara. I see two bookings: QX7L2M and P03NVA. Which of them is the trip to \
         Boston?",
    );
    s.user(
        "The one in June, with four people. The other one is my trip to Lisbon, please don't \
         touch that one!",
    );
    s.calls(&[
        (
            "get_booking",
            json!({"code": "QX7L2M"}),
            json!({"code": "QX7L2M", "cabin": "economy", "fare": "Flex", "paid": {"eur": 2104, "card": "card_31"},
                   "out": {"flight": "HA611", "from": "CPH", "to": "BOS", "date": "2025-06-12", "departs": "12:35"},
                   "back": {"flight": "HA612", "from": "BOS", "to": "CPH", "date": "2025-06-26", "departs": "21:50"},
                   "passengers": ["Mara Lindqvist", "Jonas Lindqvist", "Elin Lindqvist (15)", "Noa Lindqvist (2)"]}),
        ),
        (
            "get_extras",
            json!({"code": "QX7L2M"}),
            json!({"bags": {"included": 4, "bought": 0}, "seats": ["31A", "31B", "31C", "32A"], "meals": {}}),
        ),
    ]);
    s.agent(
        "Found it: QX7L2M, four passengers, economy Flex. Out on 12 June with HA611 from \
         Copenhagen to Boston, back on 26 June with HA612. Which day would suit you instead?",
    );
}

fn outbound(s: &mut Script) {
    s.user(
        "The exam is on the 13th in the morning. So the 14th, or the 13th if something leaves \
         late enough.",
    );
    s.calls(&[
        (
            "search_flights",
            json!({"from": "CPH", "to": "BOS", "date": "2025-06-13"}),
            flights("CPH", "BOS", "2025-06-13", 611),
        ),
        (
            "search_flights",
            json!({"from": "CPH", "to": "BOS", "date": "2025-06-14"}),
            flights("CPH", "BOS", "2025-06-14", 611),
        ),
    ]);
    s.agent(
        "Both days have four seats left together in economy:\n\n- 13 June: HA662, 16:30, via \
         Amsterdam, EUR 523\n- 14 June: HA611, 07:00, direct, EUR 412\n- 14 June: HA628, 10:10, \
         via Reykjavik, EUR 449\n\nThe direct one on the 14th is the cheapest. Shall I quote the \
         change for it?",
    );
    s.user("07:00 is early with a toddler, but direct is worth it. What would it cost us?");
    s.calls(&[(
        "quote_change",
        json!({"code": "QX7L2M", "leg": "out", "flight": "HA611", "date": "2025-06-14"}),
        json!({"fee_eur": 0, "reason": "Flex fare", "fare_difference_eur": -76, "refundable": true, "valid_minutes": 30}),
    )]);
    s.agent(
        "With your Flex fare the change is free, and the new flight is EUR 76 cheaper in total. I \
         would move all four of you to HA611 on 14 June, 07:00, and refund EUR 76 to the Visa \
         ending in 0492. Do you confirm (yes/no)?",
    );
    s.user("Yes, please go ahead.");
    s.calls(&[(
        "change_flight",
        json!({"code": "QX7L2M", "leg": "out", "flight": "HA611", "date": "2025-06-14", "refund_to": "card_31"}),
        json!({"code": "QX7L2M", "status": "confirmed", "out": {"flight": "HA611", "date": "2025-06-14", "departs": "07:00"},
               "refund": {"eur": 76, "to": "card_31", "days": 5}, "seats": "released"}),
    )]);
    s.agent(
        "Done: HA611 on 14 June, 07:00. EUR 76 will be back on your card within five days. Your \
         old seats were released, so we should choose new ones.",
    );
}

fn on_board(s: &mut Script) {
    s.user(
        "Right, the seats. We need to sit together, and near the front would be nice because of \
         the stroller.",
    );
    s.calls(&[(
        "seat_map",
        json!({"flight": "HA611", "date": "2025-06-14", "cabin": "economy"}),
        json!({"rows": {"18": "A . C | D E . G | . K", "19": ". . . | D . . G | H K", "22": "A B C | D E F G | H K",
                        "23": "A B . | D E F G | . .", "31": "A B C | . . F G | H K"},
               "bassinet": ["18D", "18G"], "legend": "a letter is free, a dot is taken", "price_eur": {"18-20": 35, "21-40": 0}}),
    )]);
    s.agent(
        "Row 22 has D to G free side by side, at no charge. Row 18 has more room and a bassinet, \
         but only D and E are together there. Shall I take 22D, 22E, 22F and 22G?",
    );
    s.user("Row 22 it is.");
    s.calls(&[(
        "assign_seats",
        json!({"code": "QX7L2M", "leg": "out", "seats": ["22D", "22E", "22F", "22G"]}),
        json!({"ok": true, "leg": "out"}),
    )]);
    s.agent("22D to 22G are yours. Can I do anything else for the flight out?");
    s.user(
        "Two things: can the stroller come up to the aircraft door, and my daughter plays the \
         cello. How does that travel?",
    );
    s.calls(&[
        (
            "search_policy",
            json!({"query": "stroller at the gate"}),
            json!("3.4 Strollers. One stroller per child under five travels free and in addition to the allowance. \
                   Collapsible strollers up to 10 kg may be used as far as the aircraft door, where the crew takes them \
                   into the hold; they are given back at the door where the airport permits, in Boston at the oversize \
                   belt. Larger strollers are checked in at the counter."),
        ),
        (
            "search_policy",
            json!({"query": "cello musical instrument cabin"}),
            json!("5.1 Musical instruments. Instruments in a case up to 90 x 45 x 25 cm count as cabin baggage. Larger \
                   ones (cello, guitar, tuba) travel on a seat of their own, sold at the child fare without taxes, with a \
                   strap that the crew provides, or in the hold as special baggage up to 32 kg for EUR 95 each way, in a \
                   hard case, at the owner's risk for damage to strings and bridge."),
        ),
    ]);
    s.agent(
        "The stroller may come up to the door, free of charge; in Boston you get it back at the \
         oversize belt. The cello either gets a seat of its own (about EUR 290 on this flight) or \
         goes into the hold in a hard case for EUR 95 each way.",
    );
    s.user(
        "It has a hard case, so the hold is fine, but only on the way out. She's leaving it with \
         her teacher there.",
    );
    s.calls(&[(
        "quote_extra",
        json!({"code": "QX7L2M", "leg": "out", "extra": "instrument_hold"}),
        json!({"eur": 95, "weight_kg": 32}),
    )]);
    s.agent(
        "That is EUR 95, charged to the Visa ending in 0492, for one instrument up to 32 kg on \
         HA611. Do you confirm?",
    );
    s.user("Yes. And a vegetarian meal for me and a child's meal for Noa, please.");
    s.calls(&[
        (
            "add_extra",
            json!({"code": "QX7L2M", "leg": "out", "extra": "instrument_hold", "pay": "card_31"}),
            json!({"ok": true, "receipt": "R-90417", "eur": 95}),
        ),
        (
            "set_meal",
            json!({"code": "QX7L2M", "passenger": "Mara Lindqvist", "meal": "VGML"}),
            json!({"ok": true, "legs": ["out", "back"]}),
        ),
        (
            "set_meal",
            json!({"code": "QX7L2M", "passenger": "Noa Lindqvist", "meal": "CHML"}),
            json!({"ok": true, "legs": ["out", "back"]}),
        ),
    ]);
    s.agent(
        "All booked: the cello (receipt R-90417), a vegetarian meal for you and a child's meal \
         for Noa, on both flights.",
    );
}

fn way_back(s: &mut Script) {
    s.user(
        "While we're at it: could we stay two days longer? School here starts later than I \
         thought.",
    );
    s.calls(&[
        ("search_flights", json!({"from": "BOS", "to": "CPH", "date": "2025-06-28"}), flights("BOS", "CPH", "2025-06-28", 612)),
        (
            "travel_alerts",
            json!({"airport": "BOS", "from": "2025-06-26", "to": "2025-06-29"}),
            json!({"alerts": [{"id": "BOS-1187", "level": "info", "text": "Runway 04R/22L closed for works on 28 June until \
                   14:00. Morning departures may be moved by up to 90 minutes. Free changes within 48 hours for all fares."}]}),
        ),
    ]);
    s.agent(
        "On 28 June HA612 flies direct, at 07:00, and HA629 leaves at 10:10 via Reykjavik. There \
         are runway works that morning, so both may be late by up to 90 minutes. In the evening \
         there is HA680, 19:40, via Stockholm, after the works.",
    );
    s.user(
        "Is there anything direct in the evening, say on the 29th? A night flight is easier with \
         the little one.",
    );
    s.calls(&[(
        "search_flights",
        json!({"from": "BOS", "to": "CPH", "date": "2025-06-29"}),
        flights("BOS", "CPH", "2025-06-29", 712),
    )]);
    s.agent(
        "I'm afraid the only direct flight on the 29th leaves at 07:00 as well. The direct night \
         flight, HA612 at 21:50, runs on Thursdays: your own on 26 June, and again on 3 July.",
    );
    s.user(
        "Then leave the return as it is. Jonas asks what an upgrade to premium would cost for the \
         night flight.",
    );
    s.calls(&[(
        "quote_upgrade",
        json!({"code": "QX7L2M", "leg": "back", "cabin": "premium"}),
        json!({"per_person_eur": 189, "total_eur": 756, "silver_discount_eur": 75, "seats_left": 5, "voucher_usable": true}),
    )]);
    s.agent(
        "Premium on HA612 is EUR 189 per person, EUR 756 for four. As a silver member you save \
         EUR 75, and your EUR 60 voucher can be used: EUR 621 in all. Shall I book it?",
    );
    s.user(
        "Too much for one night. Maybe just for the two of us, with Elin next to Noa in economy?",
    );
    s.agent(
        "I would advise against that: Noa is two and has to sit next to an adult. Two adults in \
         different cabins, one child each, would be allowed.",
    );
    s.user("Fair point, forget the upgrade.");
    s.agent(
        "No problem, the return stays as booked: HA612 on 26 June, 21:50, seats 31A to 31C and \
         32A.",
    );
}

fn closing(s: &mut Script) {
    s.user("Can you mail me the whole thing, so that I have it on the phone?");
    s.calls(&[
        (
            "send_itinerary",
            json!({"code": "QX7L2M", "to": "mara@example.com"}),
            json!({"sent": true, "pages": 3}),
        ),
        (
            "add_note",
            json!({"code": "QX7L2M", "note": "Stroller to the door"}),
            json!({"ok": true}),
        ),
    ]);
    s.agent("It's in your inbox, with boarding times and the receipt for the cello.");
    s.user("Got it. One last thing: when does check-in open?");
    s.agent("Online 30 hours before departure: on 13 June at 01:00. You get a message.");
    s.user("Perfect, thank you so much!");
    s.agent("You're welcome, Mara. Good luck to Elin with her exam, and have a good trip!");
}
