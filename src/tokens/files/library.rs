//! Files that the engine of this module does not implement, on the `tokenizers` crate itself.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokenizers::{ModelWrapper, PostProcessorWrapper};

use crate::tokens::tokenizer::Tokenizer;

/// Memory of a loaded tokenizer per byte of its file, measured on Gemma's, Llama 2's and BERT's.
const MEMORY_PER_BYTE: usize = 4;

/// Loads a `tokenizer.json`.
///
/// # Errors
/// What the library says.
pub fn read(text: &str) -> Result<Tokenizer, String> {
    // Some broken files make it panic.
    let loaded = catch_unwind(AssertUnwindSafe(|| {
        text.parse::<tokenizers::Tokenizer>()
            .map_err(|error| error.to_string())
            .and_then(prepare)
    }));
    let library =
        loaded.unwrap_or_else(|_| Err("the tokenizers library fails on it".to_owned()))?;
    Ok(Tokenizer::library(library, MEMORY_PER_BYTE * text.len()))
}

/// Makes the tokenizer count a text as ordinary text, whole and always the same.
fn prepare(mut tokenizer: tokenizers::Tokenizer) -> Result<tokenizers::Tokenizer, String> {
    tokenizer.set_encode_special_tokens(true);
    tokenizer
        .with_truncation(None)
        .map_err(|error| error.to_string())?;
    tokenizer.with_padding(None);
    tokenizer.with_post_processor(None::<PostProcessorWrapper>);
    // Its cache belongs to threads and would outlive the tokenizer.
    let mut model = tokenizer.get_model().clone();
    if let ModelWrapper::BPE(bpe) = &mut model {
        bpe.dropout = None;
    }
    model.resize_cache(0);
    tokenizer.with_model(model);
    Ok(tokenizer)
}
