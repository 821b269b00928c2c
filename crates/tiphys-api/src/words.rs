//! Words with a fixed meaning, such as `Synced` or `PreSync`.
//!
//! A word that is not known here is kept as it is, so that an object written by a newer version reads and writes back
//! unchanged. The empty word is the zero value, as a missing field is.

/// Makes an enum of known words that keeps unknown ones in `Other`.
macro_rules! open_words {
    ($(
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )+
        }
    )+) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )+
            /// A word that this version does not know; empty when there is none.
            Other(String),
        }

        impl $name {
            /// The known words.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the word as it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $text, )+
                    Self::Other(word) => word,
                }
            }

            /// Says whether there is no word.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.as_str().is_empty()
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::Other(String::new())
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $( $text => Self::$variant, )+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $( $text => Self::$variant, )+
                    _ => Self::Other(word),
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::from(<String as ::serde::Deserialize>::deserialize(deserializer)?))
            }
        }

        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::schemars::json_schema!({ "type": "string" })
            }
        }
    )+};
}

mod applicationset;
mod connection;
mod health;
mod sync;

pub use applicationset::{ApplicationSetStrategyType, ApplicationsSyncPolicy, DeletionOrder};
pub use connection::ConnectionStatus;
pub use health::{HealthStatusCode, ResourceHealthLocation};
pub use sync::{
    ApplicationConditionType, ApplicationSourceType, HookDeletePolicy, HookType, HydrateOperationPhase,
    OperationPhase, RefreshType, ResultCode, SyncPhase, SyncStatusCode,
};
