//! Tokenizer files: Hugging Face's `tokenizer.json` and Mistral's `tekken.json`.

mod base64;
mod byte_level;
mod huggingface;
mod json;
mod library;
mod limits;
mod tekken;

use super::tokenizer::Tokenizer;

/// The format of a tokenizer file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `tokenizer.json`.
    HuggingFace,
    /// `tekken.json`.
    Tekken,
}

/// Reads the content of a tokenizer file.
///
/// # Errors
/// What is wrong with it.
pub fn read(kind: Kind, content: &[u8]) -> Result<Tokenizer, String> {
    let text = std::str::from_utf8(content)
        .map_err(|e| format!("not UTF-8: invalid at byte {}", e.valid_up_to()))?;
    match kind {
        Kind::HuggingFace => {
            let growth = limits::check(text)?;
            let mut tokenizer = match huggingface::read(text) {
                Some(tokenizer) => tokenizer,
                // The library decides whether the file is broken, and says why.
                None => library::read(text)?,
            };
            tokenizer.limit(growth);
            Ok(tokenizer)
        }
        Kind::Tekken => tekken::read(text),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
