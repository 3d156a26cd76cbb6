//! Keyspace events.

use std::ffi::CStr;

/// The keyspace event of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Event {
    /// None is emitted.
    #[default]
    None,
    /// Messages were appended.
    Append,
    /// Older messages were prepended.
    Backfill,
    /// The conversation was created.
    Create,
    /// Attributes were changed.
    Alter,
    /// A message was replaced.
    Edit,
    /// Messages were removed by their numbers.
    Del,
    /// The newest messages were removed and returned.
    Pop,
    /// The oldest messages were removed.
    Trim,
    /// The summary was set or removed.
    SetSummary,
    /// The summary was leased.
    ClaimSummary,
    /// A summary is due.
    SummaryDue,
    /// The conversation was copied.
    Fork,
    /// A session document was imported.
    Import,
    /// Session fields were set.
    SetState,
    /// Session fields were removed.
    DelState,
    /// Messages were pinned.
    Pin,
    /// Pins were removed.
    Unpin,
}

impl Event {
    /// All events.
    pub const ALL: [Self; 18] = [
        Self::None,
        Self::Append,
        Self::Backfill,
        Self::Create,
        Self::Alter,
        Self::Edit,
        Self::Del,
        Self::Pop,
        Self::Trim,
        Self::SetSummary,
        Self::ClaimSummary,
        Self::SummaryDue,
        Self::Fork,
        Self::Import,
        Self::SetState,
        Self::DelState,
        Self::Pin,
        Self::Unpin,
    ];

    /// Its name as subscribers see it; empty for [`Event::None`].
    #[must_use]
    pub fn c_name(self) -> &'static CStr {
        match self {
            Self::None => c"",
            Self::Append => c"conv.append",
            Self::Backfill => c"conv.backfill",
            Self::Create => c"conv.create",
            Self::Alter => c"conv.alter",
            Self::Edit => c"conv.edit",
            Self::Del => c"conv.del",
            Self::Pop => c"conv.pop",
            Self::Trim => c"conv.trim",
            Self::SetSummary => c"conv.setsummary",
            Self::ClaimSummary => c"conv.claimsummary",
            Self::SummaryDue => c"conv.summarydue",
            Self::Fork => c"conv.fork",
            Self::Import => c"conv.import",
            Self::SetState => c"conv.setstate",
            Self::DelState => c"conv.delstate",
            Self::Pin => c"conv.pin",
            Self::Unpin => c"conv.unpin",
        }
    }

    /// Its name as subscribers see it; empty for [`Event::None`].
    #[must_use]
    pub fn name(self) -> &'static str {
        self.c_name().to_str().unwrap_or_default()
    }

    /// The event of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}
