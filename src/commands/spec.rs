//! The one table of all commands: from it come registration, key specs, ACL categories, COMMAND DOCS and the events.

pub use super::arg::{Arg, Kind};
use super::arg::{arg, flag, multiple, one_of, option, optional, word};
use super::{Read, Write, append, backfill, manage, read, recent, replay, session, summary};

/// What a command does with its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// It has none.
    None,
    /// Reads it.
    Read,
    /// May create it or add to it.
    Insert,
    /// Changes what is there.
    Update,
    /// Takes something away.
    Delete,
    /// Takes something away and returns it.
    Take,
    /// Reads several, behind their number.
    ReadSeveral,
    /// Reads the first and writes the second.
    Copy,
}

/// The function behind a command.
#[derive(Debug, Clone, Copy)]
pub enum Handler {
    /// Changes nothing.
    Read(Read),
    /// May change the conversation.
    Write(Write),
    /// As `Write`, with an effect that has been decided elsewhere.
    Replay(Write),
    /// Has several keys.
    Several(Several),
}

impl Handler {
    /// True if it may change something.
    #[must_use]
    pub fn writes(&self) -> bool {
        !matches!(self, Self::Read(_) | Self::Several(Several::Recent))
    }
}

/// A command on several keys: how they are opened and held is the server's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Several {
    /// See [`super::recent::several`].
    Recent,
    /// See [`super::fork::fork`].
    Fork,
}

/// A command.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Its name.
    pub name: &'static str,
    /// Its function.
    pub handler: Handler,
    /// Redis's flags, separated by spaces.
    pub flags: &'static str,
    /// Number of arguments with the name; negative: at least so many. Always negative, so that it is the command that
    /// names a surplus argument, not Redis that only counts.
    pub arity: i32,
    /// What it does with its key, the first argument.
    pub key: Key,
    /// ACL categories beside `conv`, separated by spaces.
    pub categories: &'static str,
    /// First release that has it.
    pub since: &'static str,
    /// Time it takes.
    pub complexity: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// Its arguments.
    pub args: &'static [Arg],
}

const KEY: Arg = arg("key", Kind::Key);
const SEQ: Arg = arg("seq", Kind::Integer);
const MESSAGE: Arg = arg("message", Kind::String);
const FORMAT: Arg = optional(one_of(
    "format",
    Some("FORMAT"),
    &[
        word("list", "LIST"),
        word("json", "JSON"),
        word("msgpack", "MSGPACK"),
    ],
));
const ATTRIBUTES: &[Arg] = &[
    KEY,
    option("name", "ENCODING", Kind::String),
    option("max-messages", "MAXMESSAGES", Kind::Integer),
    option("max-tokens", "MAXTOKENS", Kind::Integer),
    option("seconds", "TTL", Kind::Integer),
    optional(one_of(
        "complete",
        Some("COMPLETE"),
        &[word("yes", "yes"), word("no", "no")],
    )),
];

const BUDGET: Arg = arg("max_tokens", Kind::Integer);
const MESSAGES: Arg = option("messages", "MESSAGES", Kind::Integer);
const START: Arg = optional(one_of("start", Some("START"), &[word("user", "USER")]));
const OVERSIZE: Arg = optional(one_of(
    "oversize",
    Some("OVERSIZE"),
    &[word("empty", "EMPTY"), word("keep", "KEEP")],
));
const STEP: Arg = option("step", "STEP", Kind::Integer);
const NOSYSTEM: Arg = flag("nosystem", "NOSYSTEM");
const NOSUMMARY: Arg = flag("nosummary", "NOSUMMARY");
const MISS: Arg = optional(one_of(
    "miss",
    None,
    &[
        word("any", "ANY"),
        Arg {
            token: Some("WAIT"),
            ..arg("milliseconds", Kind::Integer)
        },
    ],
));
const WITHINFO: Arg = flag("withinfo", "WITHINFO");
const RECENT: &[Arg] = &[
    KEY, BUDGET, FORMAT, MESSAGES, START, OVERSIZE, STEP, NOSYSTEM, NOSUMMARY, MISS, WITHINFO,
];
const MRECENT: &[Arg] = &[
    BUDGET,
    arg("numkeys", Kind::Integer),
    multiple(KEY),
    FORMAT,
    MESSAGES,
    START,
    OVERSIZE,
    STEP,
    NOSYSTEM,
    NOSUMMARY,
    MISS,
    WITHINFO,
];

/// All commands.
pub static COMMANDS: [Spec; 24] = [
    Spec {
        name: "CONV.APPEND",
        handler: Handler::Write(append::append),
        flags: "write deny-oom fast",
        arity: -3,
        key: Key::Insert,
        categories: "write fast",
        since: "0.1.0",
        complexity: "O(N) in the bytes of the messages",
        summary: "Appends messages to a conversation, which is created if it is missing.",
        args: &[
            KEY,
            optional(one_of(
                "condition",
                None,
                &[word("nx", "NX"), word("xx", "XX")],
            )),
            flag("unique", "UNIQUE"),
            option("seq", "IFLAST", Kind::Integer),
            multiple(Arg {
                sub: &[option("tokens", "TOKENS", Kind::Integer), MESSAGE],
                ..arg("messages", Kind::Block)
            }),
        ],
    },
    Spec {
        name: "CONV.RECENT",
        handler: Handler::Read(recent::recent),
        flags: "readonly",
        arity: -3,
        key: Key::Read,
        categories: "read slow",
        since: "0.1.0",
        complexity: "O(log(N)+M) with N messages held and M bytes returned",
        summary: "Returns the newest messages that fit a token budget, tool turns unbroken, oldest first.",
        args: RECENT,
    },
    Spec {
        name: "CONV.SUMMARY",
        handler: Handler::Read(summary::summary),
        flags: "readonly fast",
        arity: -2,
        key: Key::Read,
        categories: "read fast",
        since: "0.1.0",
        complexity: "O(1)",
        summary: "Returns the summary of a conversation.",
        args: &[KEY, flag("withinfo", "WITHINFO")],
    },
    Spec {
        name: "CONV.SETSUMMARY",
        handler: Handler::Write(summary::set_summary),
        flags: "write deny-oom",
        arity: -3,
        key: Key::Insert,
        categories: "write slow",
        since: "0.1.0",
        complexity: "O(N) in the bytes of the summary",
        summary: "Stores the summary of a conversation, unless a newer one is stored.",
        args: &[
            KEY,
            arg("text", Kind::String),
            option("seq", "UPTO", Kind::Integer),
            option("characters", "MINCHANGE", Kind::Integer),
        ],
    },
    Spec {
        name: "CONV.RANGE",
        handler: Handler::Read(read::range),
        flags: "readonly",
        arity: -4,
        key: Key::Read,
        categories: "read slow",
        since: "0.1.0",
        complexity: "O(log(N)+M) with N messages held and M bytes returned",
        summary: "Returns a range of messages by index, as LRANGE does.",
        args: &[
            KEY,
            arg("start", Kind::Integer),
            arg("stop", Kind::Integer),
            FORMAT,
        ],
    },
    Spec {
        name: "CONV.GET",
        handler: Handler::Read(read::get),
        flags: "readonly fast",
        arity: -3,
        key: Key::Read,
        categories: "read fast",
        since: "0.1.0",
        complexity: "O(log(N)) for each message",
        summary: "Returns messages by their sequence numbers.",
        args: &[KEY, multiple(SEQ), flag("withinfo", "WITHINFO")],
    },
    Spec {
        name: "CONV.LEN",
        handler: Handler::Read(read::len),
        flags: "readonly fast",
        arity: -2,
        key: Key::Read,
        categories: "read fast",
        since: "0.1.0",
        complexity: "O(1)",
        summary: "Returns the number of messages held.",
        args: &[KEY],
    },
    Spec {
        name: "CONV.INFO",
        handler: Handler::Read(read::info),
        flags: "readonly fast",
        arity: -2,
        key: Key::Read,
        categories: "read fast",
        since: "0.1.0",
        complexity: "O(S) in the number of 16 kB segments",
        summary: "Returns figures and attributes of a conversation.",
        args: &[KEY],
    },
    Spec {
        name: "CONV.MRECENT",
        handler: Handler::Several(Several::Recent),
        // Clusters of Redis 7.0 look at no key specs of modules.
        flags: "readonly getkeys-api",
        arity: -4,
        key: Key::ReadSeveral,
        categories: "read slow",
        since: "0.1.0",
        complexity: "O(log(N)+M) for each key, with N messages held and M bytes returned",
        summary: "Returns the newest messages of several conversations, each within the token budget.",
        args: MRECENT,
    },
    Spec {
        name: "CONV.TOKENS",
        handler: Handler::Read(read::tokens),
        flags: "readonly",
        arity: -2,
        key: Key::None,
        categories: "read slow",
        since: "0.1.0",
        complexity: "O(N) in the bytes of the texts",
        summary: "Counts the tokens of texts.",
        args: &[
            multiple(arg("text", Kind::String)),
            option("name", "ENCODING", Kind::String),
        ],
    },
    Spec {
        name: "CONV.CREATE",
        handler: Handler::Write(manage::create),
        flags: "write deny-oom fast",
        arity: -2,
        key: Key::Insert,
        categories: "write fast",
        since: "0.1.0",
        complexity: "O(1)",
        summary: "Creates an empty conversation.",
        args: ATTRIBUTES,
    },
    Spec {
        name: "CONV.ALTER",
        handler: Handler::Write(manage::alter),
        flags: "write deny-oom",
        arity: -2,
        key: Key::Update,
        categories: "write slow",
        since: "0.1.0",
        complexity: "O(1); O(N) in the bytes held if the encoding changes",
        summary: "Changes attributes of a conversation.",
        args: ATTRIBUTES,
    },
    Spec {
        name: "CONV.BACKFILL",
        handler: Handler::Write(backfill::backfill),
        flags: "write deny-oom",
        arity: -3,
        key: Key::Insert,
        categories: "write slow",
        since: "0.1.0",
        complexity: "O(N) in the bytes of the messages",
        summary: "Puts older messages from a database in front, without those that are held.",
        args: &[
            KEY,
            flag("complete", "COMPLETE"),
            optional(multiple(MESSAGE)),
        ],
    },
    Spec {
        name: "CONV.EDIT",
        handler: Handler::Write(append::edit),
        flags: "write deny-oom",
        arity: -4,
        key: Key::Update,
        categories: "write slow",
        since: "0.1.0",
        complexity: "O(M+S) with M bytes of its turn and S segments of 16 kB",
        summary: "Replaces a message.",
        args: &[KEY, SEQ, MESSAGE],
    },
    Spec {
        name: "CONV.DEL",
        handler: Handler::Write(manage::del),
        flags: "write",
        arity: -3,
        key: Key::Delete,
        categories: "write slow",
        since: "0.1.0",
        complexity: "O(M+S) for each message, with M bytes of its turn and S segments of 16 kB",
        summary: "Removes messages by their sequence numbers.",
        args: &[KEY, multiple(SEQ)],
    },
    Spec {
        name: "CONV.POP",
        handler: Handler::Write(manage::pop),
        flags: "write fast",
        arity: -2,
        key: Key::Take,
        categories: "write fast",
        since: "0.1.0",
        complexity: "O(M) in the bytes returned",
        summary: "Removes and returns the newest messages.",
        args: &[KEY, optional(arg("count", Kind::Integer))],
    },
    Spec {
        name: "CONV.TRIM",
        handler: Handler::Write(manage::trim),
        flags: "write",
        arity: -4,
        key: Key::Delete,
        categories: "write slow",
        since: "0.1.0",
        complexity: "O(log(N)+M) with N messages held and M dropped",
        summary: "Drops the oldest messages between turns.",
        args: &[
            KEY,
            one_of(
                "limit",
                None,
                &[
                    Arg {
                        token: Some("MAXMESSAGES"),
                        ..arg("max-messages", Kind::Integer)
                    },
                    Arg {
                        token: Some("MAXTOKENS"),
                        ..arg("max-tokens", Kind::Integer)
                    },
                    Arg {
                        token: Some("BEFORE"),
                        ..arg("seq", Kind::Integer)
                    },
                ],
            ),
        ],
    },
    Spec {
        name: "CONV.FORK",
        handler: Handler::Several(Several::Fork),
        flags: "write deny-oom",
        arity: -3,
        key: Key::Copy,
        categories: "write slow",
        since: "0.1.0",
        complexity: "O(N) in the bytes held",
        summary: "Copies a conversation up to a message.",
        args: &[
            KEY,
            Arg {
                key: 1,
                ..arg("newkey", Kind::Key)
            },
            option("seq", "UPTO", Kind::Integer),
            flag("replace", "REPLACE"),
        ],
    },
    Spec {
        name: "CONV.IMPORT",
        handler: Handler::Write(session::import),
        flags: "write deny-oom",
        arity: -3,
        key: Key::Insert,
        categories: "write slow",
        since: "0.1.0",
        complexity: "O(N) in the bytes of the document",
        summary: "Makes a conversation of a session document.",
        args: &[
            KEY,
            arg("json", Kind::String),
            option("field", "HISTORY", Kind::String),
            flag("replace", "REPLACE"),
        ],
    },
    Spec {
        name: "CONV.EXPORT",
        handler: Handler::Read(session::export),
        flags: "readonly",
        arity: -2,
        key: Key::Read,
        categories: "read slow",
        since: "0.1.0",
        complexity: "O(N) in the bytes held",
        summary: "Returns a conversation as the session document it was imported from, with what was added since.",
        args: &[KEY],
    },
    Spec {
        name: "CONV.GETSTATE",
        handler: Handler::Read(session::get_state),
        flags: "readonly",
        arity: -2,
        key: Key::Read,
        categories: "read slow",
        since: "0.1.0",
        complexity: "O(N) in the bytes returned",
        summary: "Returns session fields.",
        args: &[KEY, optional(multiple(arg("field", Kind::String)))],
    },
    Spec {
        name: "CONV.SETSTATE",
        handler: Handler::Write(session::set_state),
        flags: "write deny-oom",
        arity: -4,
        key: Key::Insert,
        categories: "write slow",
        since: "0.1.0",
        complexity: "O(N) in the bytes of the values",
        summary: "Sets session fields to JSON values.",
        args: &[
            KEY,
            multiple(Arg {
                sub: &[arg("field", Kind::String), arg("json", Kind::String)],
                ..arg("data", Kind::Block)
            }),
        ],
    },
    Spec {
        name: "CONV.DELSTATE",
        handler: Handler::Write(session::del_state),
        flags: "write",
        arity: -3,
        key: Key::Delete,
        categories: "write slow",
        since: "0.1.0",
        complexity: "O(N) in the number of fields",
        summary: "Removes session fields.",
        args: &[KEY, multiple(arg("field", Kind::String))],
    },
    Spec {
        name: "CONV.EFFECT",
        handler: Handler::Replay(replay::effect),
        // Not deny-oom: a replica at its limit must still take what makes it smaller. See `server::dispatch`.
        flags: "write",
        arity: -3,
        key: Key::Insert,
        categories: "write slow dangerous",
        since: "0.1.0",
        complexity: "As the command that it replicates",
        summary: "An internal command for replicating changes.",
        args: &[
            KEY,
            arg("header", Kind::String),
            optional(multiple(arg("payload", Kind::String))),
        ],
    },
];

/// The keyspace events that effects may carry.
pub const EVENTS: [&str; 13] = [
    "conv.append",
    "conv.setsummary",
    "conv.create",
    "conv.alter",
    "conv.edit",
    "conv.del",
    "conv.pop",
    "conv.trim",
    "conv.backfill",
    "conv.fork",
    "conv.import",
    "conv.setstate",
    "conv.delstate",
];
