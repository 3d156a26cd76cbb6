//! Arguments as COMMAND DOCS describes them, and constructors that keep the command table short.

/// The type of an argument in COMMAND DOCS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The key.
    Key,
    /// Any string.
    String,
    /// An integer.
    Integer,
    /// A literal word, such as `NX`.
    Token,
    /// One of the sub-arguments.
    OneOf,
    /// All of the sub-arguments.
    Block,
}

/// An argument in COMMAND DOCS.
#[derive(Debug, Clone, Copy)]
pub struct Arg {
    /// The name that the syntax shows.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
    /// The literal word that precedes the value, or that is the argument.
    pub token: Option<&'static str>,
    /// True if it can be omitted.
    pub optional: bool,
    /// True if it can be repeated.
    pub multiple: bool,
    /// Sub-arguments of [`Kind::OneOf`] and [`Kind::Block`].
    pub sub: &'static [Arg],
    /// For [`Kind::Key`]: the index of its key spec.
    pub key: u8,
}

/// A mandatory argument.
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

/// The literal word `token`.
pub const fn word(name: &'static str, token: &'static str) -> Arg {
    Arg {
        token: Some(token),
        ..arg(name, Kind::Token)
    }
}

/// An option with a value: `[token name]`.
pub const fn option(name: &'static str, token: &'static str, kind: Kind) -> Arg {
    optional(Arg {
        token: Some(token),
        ..arg(name, kind)
    })
}

/// An option without a value: `[token]`.
pub const fn flag(name: &'static str, token: &'static str) -> Arg {
    optional(word(name, token))
}

/// One of several arguments, after the word `token` if there is one.
pub const fn one_of(name: &'static str, token: Option<&'static str>, sub: &'static [Arg]) -> Arg {
    Arg {
        token,
        sub,
        ..arg(name, Kind::OneOf)
    }
}

/// Makes an argument optional.
pub const fn optional(arg: Arg) -> Arg {
    Arg {
        optional: true,
        ..arg
    }
}

/// Makes an argument repeatable.
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
/// The format of the messages in a reply.
pub const FORMAT: Arg = optional(one_of(
    "format",
    Some("FORMAT"),
    &[
        word("list", "LIST"),
        word("json", "JSON"),
        word("msgpack", "MSGPACK"),
    ],
));
/// Counts and returns from the newest message on.
pub const REV: Arg = flag("rev", "REV");
/// The arguments of `CONV.CREATE` and `CONV.ALTER`.
pub const ATTRIBUTES: &[Arg] = &[
    KEY,
    option("name", "ENCODING", Kind::String),
    option("overhead", "OVERHEAD", Kind::Integer),
    option("percent", "SCALE", Kind::Integer),
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
/// The maximum number of messages in the window.
pub const MESSAGES: Arg = option("messages", "MESSAGES", Kind::Integer);
/// Where the window may start.
pub const START: Arg = optional(one_of("start", Some("START"), &[word("user", "USER")]));
/// What to return if the newest group does not fit.
pub const OVERSIZE: Arg = optional(one_of(
    "oversize",
    Some("OVERSIZE"),
    &[
        word("empty", "EMPTY"),
        word("keep", "KEEP"),
        word("cut", "CUT"),
    ],
));
/// The number of tokens by which the start of the window moves.
pub const STEP: Arg = option("step", "STEP", Kind::Integer);
/// How many tool results are returned in full.
pub const CLEAR: Arg = optional(Arg {
    token: Some("CLEAR"),
    sub: &[
        arg("results", Kind::Integer),
        option("tokens", "ABOVE", Kind::Integer),
    ],
    ..arg("clear", Kind::Block)
});
/// Leaves out the system messages.
pub const NOSYSTEM: Arg = flag("nosystem", "NOSYSTEM");
/// Leaves out the summary.
pub const NOSUMMARY: Arg = flag("nosummary", "NOSUMMARY");
/// Treats pinned messages like any other.
pub const NOPINS: Arg = flag("nopins", "NOPINS");
/// What to do on a miss.
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
/// Adds details to the reply.
pub const WITHINFO: Arg = flag("withinfo", "WITHINFO");
/// The arguments of `CONV.RECENT`.
pub const RECENT: &[Arg] = &[
    KEY, BUDGET, FORMAT, MESSAGES, START, OVERSIZE, STEP, CLEAR, NOSYSTEM, NOSUMMARY, NOPINS, REV,
    MISS, WITHINFO,
];
/// The arguments of `CONV.SEARCH`.
pub const SEARCH: &[Arg] = &[
    KEY,
    arg("pattern", Kind::String),
    flag("regex", "REGEX"),
    flag("case", "CASE"),
    optional(one_of(
        "role",
        Some("ROLE"),
        &[
            word("system", "system"),
            word("user", "user"),
            word("assistant", "assistant"),
            word("tool", "tool"),
        ],
    )),
    option("after-seq", "AFTER", Kind::Integer),
    option("before-seq", "BEFORE", Kind::Integer),
    option("since-milliseconds", "SINCE", Kind::Integer),
    option("until-milliseconds", "UNTIL", Kind::Integer),
    option("messages", "LIMIT", Kind::Integer),
    WITHINFO,
];
/// The arguments of `CONV.MRECENT`.
pub const MRECENT: &[Arg] = &[
    BUDGET,
    arg("numkeys", Kind::Integer),
    multiple(KEY),
    FORMAT,
    MESSAGES,
    START,
    OVERSIZE,
    STEP,
    CLEAR,
    NOSYSTEM,
    NOSUMMARY,
    NOPINS,
    REV,
    MISS,
    WITHINFO,
];
