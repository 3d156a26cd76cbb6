//! Arguments as COMMAND DOCS describes them, and a small vocabulary to write them down.

/// What an argument is, for COMMAND DOCS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The key.
    Key,
    /// Any string.
    String,
    /// An integer.
    Integer,
    /// A word that stands for itself.
    Token,
    /// One of the sub-arguments.
    OneOf,
    /// All of the sub-arguments.
    Block,
}

/// An argument, for COMMAND DOCS.
#[derive(Debug, Clone, Copy)]
pub struct Arg {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The word in front of it, or that it is.
    pub token: Option<&'static str>,
    /// May be left out.
    pub optional: bool,
    /// May be given several times.
    pub multiple: bool,
    /// The sub-arguments.
    pub sub: &'static [Arg],
    /// Which of the command's keys it is, from 0.
    pub key: u8,
}

/// An argument that must be given, once.
pub const fn arg(name: &'static str, kind: Kind) -> Arg {
    Arg {
        name,
        kind,
        token: None,
        optional: false,
        multiple: false,
        sub: &[],
        key: 0,
    }
}

/// The word `token`.
pub const fn word(name: &'static str, token: &'static str) -> Arg {
    Arg {
        token: Some(token),
        ..arg(name, Kind::Token)
    }
}

/// A value behind the word `token`, which may be left out.
pub const fn option(name: &'static str, token: &'static str, kind: Kind) -> Arg {
    optional(Arg {
        token: Some(token),
        ..arg(name, kind)
    })
}

/// The word `token`, which may be left out.
pub const fn flag(name: &'static str, token: &'static str) -> Arg {
    optional(word(name, token))
}

/// One of several, behind the word `token` if there is one.
pub const fn one_of(name: &'static str, token: Option<&'static str>, sub: &'static [Arg]) -> Arg {
    Arg {
        token,
        sub,
        ..arg(name, Kind::OneOf)
    }
}

/// The same, but it may be left out.
pub const fn optional(arg: Arg) -> Arg {
    Arg {
        optional: true,
        ..arg
    }
}

/// The same, but it may be given several times.
pub const fn multiple(arg: Arg) -> Arg {
    Arg {
        multiple: true,
        ..arg
    }
}

/// The key.
pub const KEY: Arg = arg("key", Kind::Key);
/// A sequence number.
pub const SEQ: Arg = arg("seq", Kind::Integer);
/// A message.
pub const MESSAGE: Arg = arg("message", Kind::String);
/// How messages are returned.
pub const FORMAT: Arg = optional(one_of(
    "format",
    Some("FORMAT"),
    &[
        word("list", "LIST"),
        word("json", "JSON"),
        word("msgpack", "MSGPACK"),
    ],
));
/// Arguments of CREATE and ALTER.
pub const ATTRIBUTES: &[Arg] = &[
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

/// The token budget.
pub const BUDGET: Arg = arg("max_tokens", Kind::Integer);
/// Most messages of a window.
pub const MESSAGES: Arg = option("messages", "MESSAGES", Kind::Integer);
/// Where a window may start.
pub const START: Arg = optional(one_of("start", Some("START"), &[word("user", "USER")]));
/// What becomes of a newest group that does not fit.
pub const OVERSIZE: Arg = optional(one_of(
    "oversize",
    Some("OVERSIZE"),
    &[word("empty", "EMPTY"), word("keep", "KEEP")],
));
/// How the start of a window moves.
pub const STEP: Arg = option("step", "STEP", Kind::Integer);
/// Without system messages.
pub const NOSYSTEM: Arg = flag("nosystem", "NOSYSTEM");
/// Without the summary.
pub const NOSUMMARY: Arg = flag("nosummary", "NOSUMMARY");
/// What becomes of a miss.
pub const MISS: Arg = optional(one_of(
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
/// With figures.
pub const WITHINFO: Arg = flag("withinfo", "WITHINFO");
/// Arguments of RECENT.
pub const RECENT: &[Arg] = &[
    KEY, BUDGET, FORMAT, MESSAGES, START, OVERSIZE, STEP, NOSYSTEM, NOSUMMARY, MISS, WITHINFO,
];
/// Arguments of MRECENT.
pub const MRECENT: &[Arg] = &[
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
