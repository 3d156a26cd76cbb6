//! `tokenizer.json`: files of byte-pair encoding that the engine of this module implements exactly. All others are left
//! to the library.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::byte_level;
use super::json::{Entries, File, Model};
use crate::tokens::added_tokens::{AddedToken, AddedTokens, Matcher};
use crate::tokens::classes;
use crate::tokens::early_merges::{EarlyMerges, Units};
use crate::tokens::split::words::{Run, Words};
use crate::tokens::split::{GPT2, Pattern};
use crate::tokens::tokenizer::{Normalizer, Own, Splitter, Tokenizer, normalize};
use crate::tokens::vocabulary::{Builder, LONGEST_TOKEN};

/// The tokenizer, or `None` if the engine does not implement something that the file asks for, or if the file is broken.
pub fn read(text: &str) -> Option<Tokenizer> {
    let file: File<'_> = serde_json::from_str(text).ok()?;
    if file.version.is_some_and(|version| version != "1.0") || file.model.kind != "BPE" {
        return None;
    }
    let normalizers = normalizers(file.normalizer.as_ref())?;
    let way = way(file.pre_tokenizer.as_ref(), &normalizers)?;
    let tokens = Tokens::new(&file.model.vocab)?;
    if !is_empty(file.model.continuing_subword_prefix.as_deref())
        || !is_empty(file.model.end_of_word_suffix.as_deref())
    {
        return None;
    }
    let (vocabulary, early, splitter) = match way {
        Way::Bytes(expressions) => {
            let splitter = splitter(&expressions)?;
            let (builder, early) = of_bytes(&file.model, &tokens)?;
            if early.is_some() && !matches!(splitter, Splitter::Known(..)) {
                return None;
            }
            (builder.finish(), early, splitter)
        }
        Way::Characters => {
            let (builder, early, runs) = of_characters(&file.model, &tokens)?;
            let words = Words::new(runs, |test| {
                builder.all(test) && early.as_ref().is_none_or(|early| early.all(test))
            });
            (builder.finish(), early, Splitter::Words(Box::new(words)))
        }
    };
    let size = tokens.ids.len()
        + file
            .added_tokens
            .iter()
            .map(|token| &*token.content)
            .filter(|content| !content.is_empty() && !tokens.ids.contains_key(content))
            .collect::<HashSet<_>>()
            .len();
    let added = added(file.added_tokens, &tokens, &normalizers)?;
    let own = Own {
        added,
        normalizers,
        splitter,
        vocabulary,
        early,
    };
    Some(Tokenizer::own(own, size))
}

fn is_empty(affix: Option<&str>) -> bool {
    affix.is_none_or(str::is_empty)
}

/// What the smallest units are.
enum Way {
    /// Bytes, after splitting by these regular expressions.
    Bytes(Vec<String>),
    /// Characters; the text is one word.
    Characters,
}

/// The vocabulary by token.
struct Tokens<'a> {
    ids: HashMap<&'a str, u32>,
}

impl<'a> Tokens<'a> {
    /// `None` if two tokens have the same id: merges could not be told apart.
    fn new(entries: &'a Entries<'_>) -> Option<Self> {
        // The last of two equal keys counts.
        let ids: HashMap<&str, u32> = entries.0.iter().map(|(t, id)| (&**t, *id)).collect();
        let distinct: HashSet<u32> = ids.values().copied().collect();
        (distinct.len() == ids.len()).then_some(Self { ids })
    }
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

fn normalizers(value: Option<&Value>) -> Option<Vec<Normalizer>> {
    let Some(value) = value else {
        return Some(Vec::new());
    };
    match text(value, "type")? {
        "NFC" => Some(vec![Normalizer::Nfc]),
        "Replace" => {
            let from = text(value.get("pattern")?, "String")?;
            let to = text(value, "content")?;
            let replace = Normalizer::Replace(from.to_owned(), to.to_owned());
            (!from.is_empty()).then(|| vec![replace])
        }
        "Prepend" => Some(vec![Normalizer::Prepend(
            text(value, "prepend")?.to_owned(),
        )]),
        "Sequence" => {
            let mut all = Vec::new();
            for value in value.get("normalizers")?.as_array()? {
                all.extend(normalizers(Some(value))?);
            }
            Some(all)
        }
        _ => None,
    }
}

fn way(value: Option<&Value>, normalizers: &[Normalizer]) -> Option<Way> {
    let Some(value) = value else {
        return Some(Way::Characters);
    };
    let is = |key: &str, expected: bool| value.get(key) == Some(&Value::Bool(expected));
    match text(value, "type")? {
        // Splits at spaces, which the normalizer has replaced.
        "Split" if text(value.get("pattern")?, "String") == Some(" ") => {
            let no_spaces = matches!(
                normalizers.last(),
                Some(Normalizer::Replace(from, to)) if from == " " && !to.contains(' ')
            );
            (no_spaces && value.get("invert") == Some(&Value::Bool(false)))
                .then_some(Way::Characters)
        }
        "ByteLevel" if is("add_prefix_space", false) => {
            let regex = value
                .get("use_regex")
                .is_none_or(|v| *v == Value::Bool(true));
            let none = is("use_regex", false);
            (regex || none).then(|| {
                Way::Bytes(
                    Some(GPT2.to_owned())
                        .filter(|_| regex)
                        .into_iter()
                        .collect(),
                )
            })
        }
        "Sequence" => {
            let (last, splits) = value.get("pretokenizers")?.as_array()?.split_last()?;
            let mut expressions = Vec::new();
            for split in splits {
                let isolated = text(split, "type")? == "Split"
                    && text(split, "behavior")? == "Isolated"
                    && split.get("invert")? == &Value::Bool(false);
                let pattern = split.get("pattern").filter(|_| isolated)?;
                expressions.push(match text(pattern, "Regex") {
                    Some(regex) => regex.to_owned(),
                    None => regex_syntax::escape(text(pattern, "String")?),
                });
            }
            match way(Some(last), normalizers)? {
                Way::Bytes(more) if text(last, "type")? == "ByteLevel" => {
                    expressions.extend(more);
                    Some(Way::Bytes(expressions))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn splitter(expressions: &[String]) -> Option<Splitter> {
    let list: Vec<&str> = expressions.iter().map(|expression| &**expression).collect();
    if list.is_empty() {
        return Some(Splitter::Known(Pattern::Whole, classes::standard));
    }
    match Pattern::of_expressions(&list) {
        Some(Pattern::DeepSeek) => Some(Splitter::Known(Pattern::DeepSeek, classes::deepseek)),
        Some(pattern) => Some(Splitter::Known(pattern, classes::oniguruma)),
        None => {
            let compiled: Result<Vec<_>, _> = list.into_iter().map(onig::Regex::new).collect();
            Some(Splitter::Oniguruma(compiled.ok()?))
        }
    }
}

/// Calls `each` with the bytes of every merge in order, and where its second part begins. `None` if the library would
/// reject a merge, or would apply one at another rank than its place in the list.
fn visit_merges(
    model: &Model<'_>,
    tokens: &Tokens<'_>,
    mut each: impl FnMut(&str, &str, u32) -> Option<()>,
) -> Option<()> {
    let mut seen = HashSet::with_capacity(model.merges.len());
    let mut both = String::new();
    for merge in &model.merges {
        let (a, b) = merge.parts()?;
        let ids = (*tokens.ids.get(a)?, *tokens.ids.get(b)?);
        both.clear();
        both.push_str(a);
        both.push_str(b);
        let merged = *tokens.ids.get(&*both)?;
        // Of two equal merges the library takes the later one.
        if !seen.insert(ids) {
            return None;
        }
        each(a, b, merged)?;
    }
    Some(())
}

fn of_bytes(model: &Model<'_>, tokens: &Tokens<'_>) -> Option<(Builder, Option<EarlyMerges>)> {
    // A byte without a token would be left out, or be an unknown token.
    let mut buffer = [0; 4];
    let all = (0..=u8::MAX).all(|byte| {
        let character = byte_level::character(byte).encode_utf8(&mut buffer);
        tokens.ids.contains_key(&*character)
    });
    if !all {
        return None;
    }
    let mut builder = Builder::new(tokens.ids.len());
    let mut ranks = Vec::with_capacity(model.merges.len());
    visit_merges(model, tokens, |a, b, _| {
        ranks.push(builder.next_rank());
        // Tokens that contain other characters are never made of bytes.
        if let (Some(mut bytes), Some(second)) = (byte_level::bytes(a), byte_level::bytes(b)) {
            let split = bytes.len();
            bytes.extend(second);
            if bytes.len() > LONGEST_TOKEN {
                return None;
            }
            builder.merge(&bytes, split);
        }
        Some(())
    })?;
    let ignores_merges = model.ignore_merges == Some(true);
    let units = if ignores_merges {
        Units::BytesOfUnknownPieces
    } else {
        Units::Bytes
    };
    let made = builder.early();
    let early = if made.is_empty() {
        None
    } else {
        Some(early(
            model,
            tokens,
            EarlyMerges::new(&made, units)?,
            &ranks,
        )?)
    };
    if ignores_merges {
        for token in tokens.ids.keys() {
            if let Some(bytes) = byte_level::bytes(token) {
                builder.whole(&bytes);
            }
        }
    }
    Some((builder, early))
}

fn of_characters(
    model: &Model<'_>,
    tokens: &Tokens<'_>,
) -> Option<(Builder, Option<EarlyMerges>, Vec<Run>)> {
    if model.ignore_merges == Some(true) {
        // A word that is one token would have to be found before it is split.
        return None;
    }
    // A character without a token counts one token per byte, if all bytes have one.
    let fallback: Option<HashSet<u32>> = (0..=u8::MAX)
        .map(|byte| tokens.ids.get(&*format!("<0x{byte:02X}>")).copied())
        .collect();
    let fallback = fallback.filter(|_| model.byte_fallback == Some(true))?;
    let mut builder = Builder::new(tokens.ids.len());
    let characters = tokens.ids.keys().filter_map(|token| {
        let mut characters = token.chars();
        characters.next().filter(|_| characters.next().is_none())
    });
    builder.characters(characters);
    let runs = runs(model)?;
    let mut ranks = Vec::with_capacity(model.merges.len());
    visit_merges(model, tokens, |a, b, merged| {
        ranks.push(builder.next_rank());
        let of_bytes = |id: Option<&u32>| id.is_some_and(|id| fallback.contains(id));
        if of_bytes(tokens.ids.get(a)) || of_bytes(tokens.ids.get(b)) || fallback.contains(&merged)
        {
            return None;
        }
        let token = [a, b].concat();
        if token.len() > LONGEST_TOKEN {
            return None;
        }
        // The splitter cuts runs.
        if repeated(&token).is_none_or(|(c, _)| runs.iter().all(|run| run.character != c)) {
            builder.merge(token.as_bytes(), a.len());
        }
        Some(())
    })?;
    let made = builder.early();
    let early = if made.is_empty() {
        None
    } else {
        let early_merges = EarlyMerges::new(&made, Units::Characters)?;
        Some(early(model, tokens, early_merges, &ranks)?)
    };
    for run in &runs {
        for length in 2..=run.longest {
            builder.whole(String::from_iter(vec![run.character; length]).as_bytes());
        }
    }
    Some((builder, early, runs))
}

/// Lists the merges that depend on early merges. `ranks` has the rank of the next token of the tables at each merge.
fn early(
    model: &Model<'_>,
    tokens: &Tokens<'_>,
    mut early: EarlyMerges,
    ranks: &[u32],
) -> Option<EarlyMerges> {
    let mut ranks = ranks.iter();
    visit_merges(model, tokens, |a, b, _| {
        let rank = *ranks.next()?;
        if early.units() == Units::Characters {
            return early.add([a, b].concat().as_bytes(), a.len(), rank);
        }
        match (byte_level::bytes(a), byte_level::bytes(b)) {
            (Some(a), Some(b)) => early.add(&[&*a, &*b].concat(), a.len(), rank),
            _ => Some(()),
        }
    })?;
    Some(early)
}

/// The character that a token repeats, and how often.
fn repeated(token: &str) -> Option<(char, usize)> {
    let mut characters = token.chars();
    let first = characters.next()?;
    let mut length = 1;
    for character in characters {
        if character != first {
            return None;
        }
        length += 1;
    }
    Some((first, length))
}

/// What merges say about the runs of a character.
#[derive(Default)]
struct RunMerges {
    /// The place of the merge of `n` characters with one, by `n`.
    with_one: HashMap<usize, usize>,
    /// The longest run that a merge makes.
    longest: usize,
    /// The place of the first merge of the character with others.
    others: Option<usize>,
    /// A run is merged with other characters.
    mixed: bool,
}

/// The characters whose runs are merged from left to right, each as far as there are tokens, before anything else is
/// merged with them. For these the merge of a run with one more character comes *before* the merge of two
/// characters, so ranks do not describe them.
fn runs(model: &Model<'_>) -> Option<Vec<Run>> {
    let mut merges: HashMap<char, RunMerges> = HashMap::new();
    for (place, merge) in model.merges.iter().enumerate() {
        let (a, b) = merge.parts()?;
        if let (Some((c, one)), Some((d, two))) = (repeated(a), repeated(b))
            && c == d
        {
            let of = merges.entry(c).or_default();
            of.longest = of.longest.max(one + two);
            if two == 1 {
                of.with_one.insert(one, place);
            }
        }
    }
    // Only where the order is unusual.
    merges.retain(|_, of| {
        let two = of.with_one.get(&1);
        two.is_some_and(|two| of.with_one.get(&2).is_some_and(|three| three < two))
    });
    for (place, merge) in model.merges.iter().enumerate() {
        let (a, b) = merge.parts()?;
        let homogeneous = repeated(a)
            .zip(repeated(b))
            .is_some_and(|(a, b)| a.0 == b.0);
        if homogeneous {
            continue;
        }
        for part in [a, b] {
            let run = repeated(part).filter(|(_, length)| *length > 1);
            for character in part.chars() {
                if let Some(of) = merges.get_mut(&character) {
                    of.others.get_or_insert(place);
                    of.mixed |= run.is_some();
                }
            }
        }
    }
    let runs = merges.into_iter().map(|(character, of)| {
        let two = *of.with_one.get(&1)?;
        let from_left = (2..of.longest)
            .all(|length| of.with_one.get(&length).is_some_and(|place| *place < two));
        let first = of.others.is_none_or(|others| two < others);
        (from_left && first && !of.mixed).then_some(Run {
            character,
            longest: of.longest,
        })
    });
    runs.collect()
}

/// The added tokens, with the ids that the library gives them: two tokens of one id replace each other.
fn added(
    list: Vec<AddedToken>,
    tokens: &Tokens<'_>,
    normalizers: &[Normalizer],
) -> Option<AddedTokens> {
    let size = u32::try_from(tokens.ids.len()).ok()?;
    let mut next = size;
    let mut ids: HashMap<String, u32> = HashMap::new();
    let mut by_id: HashMap<u32, AddedToken> = HashMap::new();
    let mut special = HashSet::new();
    for token in list {
        if token.content.is_empty() {
            continue;
        }
        let known = ids.get(&token.content);
        if known.is_some_and(|id| by_id.get(id) == Some(&token)) {
            continue;
        }
        let id = known
            .or_else(|| tokens.ids.get(&*token.content))
            .copied()
            .unwrap_or_else(|| {
                next += 1;
                next - 1
            });
        ids.insert(token.content.clone(), id);
        if token.special {
            special.insert(token.content.clone());
        }
        by_id.insert(id, token);
    }
    let (mut raw, mut normalized) = (Vec::new(), Vec::new());
    for mut token in by_id.into_values() {
        token.special = special.contains(&token.content);
        if token.normalized {
            let pattern = normalize(normalizers, &token.content).into_owned();
            normalized.push((pattern, token));
        } else {
            raw.push((token.content.clone(), token));
        }
    }
    Some(AddedTokens {
        raw: Matcher::new(raw)?,
        normalized: Matcher::new(normalized)?,
    })
}
