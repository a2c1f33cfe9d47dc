//! The lessons: their numbers, folders and texts.

use std::path::{Path, PathBuf};

use crate::Language;

/// A lesson of the course.
#[derive(Debug, PartialEq, Eq)]
pub struct Lesson {
    /// Its number in the book.
    pub number: u8,
    /// Its folder below `lessons/`.
    pub folder: &'static str,
    /// The file that the student edits, in that folder.
    pub exercise: &'static str,
    english: &'static str,
    portuguese: &'static str,
}

/// The texts of a lesson, in one language.
#[derive(Debug, PartialEq, Eq)]
pub struct Text {
    /// The title.
    pub title: &'static str,
    /// The task of the student.
    pub task: &'static str,
    /// Hints, each more detailed than the one before.
    pub hints: Vec<&'static str>,
}

macro_rules! lesson {
    ($number:literal, $folder:literal, $exercise:literal) => {
        Lesson {
            number: $number,
            folder: $folder,
            exercise: $exercise,
            english: include_str!(concat!("../../", $folder, "/en.md")),
            portuguese: include_str!(concat!("../../", $folder, "/pt-BR.md")),
        }
    };
}

/// All lessons, in their order.
pub static LESSONS: [Lesson; 3] = [
    lesson!(1, "01-process", "exercise.rs"),
    lesson!(4, "04-uts", "exercise.rs"),
    lesson!(9, "09-two-containers", "exercise.sh"),
];

/// The folder `lessons` of the checkout from which the runner was built.
pub fn lessons_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the runner is in the folder of the lessons")
}

/// The lesson with this number.
pub fn find(number: u8) -> Option<&'static Lesson> {
    LESSONS.iter().find(|lesson| lesson.number == number)
}

impl Lesson {
    /// The texts of the lesson in this language.
    pub fn text(&self, language: Language) -> Text {
        let source = match language {
            Language::English => self.english,
            Language::Portuguese => self.portuguese,
        };
        let title = source.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(self.folder);
        let hints = section(source, "hints").lines().filter_map(|line| Some(line.split_once(". ")?.1)).collect();
        Text { title, task: section(source, "task"), hints }
    }

    /// The path of the exercise.
    pub fn exercise_path(&self) -> PathBuf {
        lessons_folder().join(self.folder).join(self.exercise)
    }
}

/// The text between mdBook's marks of an anchor. The book includes the same sections.
fn section<'a>(source: &'a str, name: &str) -> &'a str {
    let begin = format!("<!-- ANCHOR: {name} -->");
    let end = format!("<!-- ANCHOR_END: {name} -->");
    source.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end)).map_or("", |(text, _)| text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lessons_are_complete_in_both_languages() {
        for lesson in &LESSONS {
            let texts = [lesson.text(Language::English), lesson.text(Language::Portuguese)];
            for text in &texts {
                assert_ne!(text.title, lesson.folder, "{} has no title", lesson.folder);
                assert!(text.task.contains(lesson.exercise), "{}: the task names the file to edit", lesson.folder);
                assert_eq!(text.hints.len(), 3, "{}: {:#?}", lesson.folder, text.hints);
            }
            assert_ne!(texts[0], texts[1], "{} is not translated", lesson.folder);
        }
    }
}
