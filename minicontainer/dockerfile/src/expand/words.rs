//! The result of an expansion while it grows, split at blanks that are neither quoted nor escaped.

/// Words that are being built.
#[derive(Default)]
pub(super) struct Words {
    pub(super) text: String,
    words: Vec<String>,
    word: String,
    begun: bool,
}

impl Words {
    pub(super) fn push(&mut self, character: char) {
        self.text.push(character);
        if !character.is_whitespace() {
            self.word.push(character);
            self.begun = true;
        } else if self.begun && !self.word.is_empty() {
            self.words.push(std::mem::take(&mut self.word));
            self.begun = false;
        }
    }

    /// Adds quoted or escaped text, including its blanks.
    pub(super) fn push_quoted(&mut self, text: &str) {
        self.text.push_str(text);
        self.word.push_str(text);
        self.begun = true;
    }

    pub(super) fn finish(mut self) -> (String, Vec<String>) {
        self.words.extend((!self.word.is_empty()).then_some(self.word));
        (self.text, self.words)
    }
}
