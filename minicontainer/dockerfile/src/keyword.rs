//! The instructions by name.

use std::fmt;

use serde::Serialize;

macro_rules! keywords {
    ($($keyword:ident $name:literal)*) => {
        /// Which instruction it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "UPPERCASE")]
        #[allow(missing_docs, reason = "each is named as it is written")]
        pub enum Keyword { $($keyword,)* }

        impl Keyword {
            /// All of them, in alphabetical order.
            pub const ALL: [Keyword; [$($name),*].len()] = [$(Keyword::$keyword),*];

            /// As it is written, in upper case.
            pub fn name(self) -> &'static str {
                [$($name),*][self as usize]
            }
        }
    };
}

keywords! {
    Add "ADD" Arg "ARG" Cmd "CMD" Copy "COPY" Entrypoint "ENTRYPOINT" Env "ENV" Expose "EXPOSE" From "FROM"
    Healthcheck "HEALTHCHECK" Label "LABEL" Maintainer "MAINTAINER" Onbuild "ONBUILD" Run "RUN" Shell "SHELL"
    Stopsignal "STOPSIGNAL" User "USER" Volume "VOLUME" Workdir "WORKDIR"
}

impl Keyword {
    /// The instruction with this name, in upper or lower case.
    ///
    /// ```
    /// use minicontainer_dockerfile::Keyword;
    ///
    /// assert_eq!(Keyword::find("run"), Some(Keyword::Run));
    /// assert_eq!(Keyword::find("RUNS"), None);
    /// ```
    pub fn find(name: &str) -> Option<Keyword> {
        Keyword::ALL.into_iter().find(|keyword| keyword.name().eq_ignore_ascii_case(name))
    }

    /// Whether its arguments may be here-documents.
    pub fn takes_heredocs(self) -> bool {
        matches!(self, Keyword::Add | Keyword::Copy | Keyword::Run)
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
