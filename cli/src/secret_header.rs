//! `--header`: a header with a secret, whose value need not stand on the command line, where other users of the
//! machine could read it.

use crate::failure::{Failure, Kind};

/// A header; nothing prints its value.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHeader {
    /// Its name, as it was given.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl SecretHeader {
    /// Reads `NAME=env:VARIABLE`, `NAME=file:PATH` or `NAME=VALUE`.
    ///
    /// # Errors
    /// It has another form, or what it names is not there.
    pub fn read(text: &str) -> Result<Self, Failure> {
        let wrong = |why: String| Failure::new(Kind::Usage, why);
        let Some((name, from)) = text.split_once('=') else {
            // Not said again: it may be the secret itself.
            return Err(wrong(
                "A header is given as NAME=env:VARIABLE, NAME=file:PATH or NAME=VALUE.".to_owned(),
            ));
        };
        let value = if let Some(variable) = from.strip_prefix("env:") {
            std::env::var(variable).map_err(|_| {
                wrong(format!("The variable {variable}, which header {name} is to come from, is not set."))
            })?
        } else if let Some(path) = from.strip_prefix("file:") {
            let failed = |error| {
                Failure::new(Kind::NotFound, format!("{path}, which header {name} is to come from: {error}."))
            };
            std::fs::read_to_string(path).map_err(failed)?
        } else {
            from.to_owned()
        };
        let value = value.trim().to_owned();
        moltghost_protocol::origin::check_header(name, &value)
            .map_err(|why| wrong(format!("The header {name} cannot be sent: {why}.")))?;
        Ok(Self { name: name.to_owned(), value })
    }
}

impl std::fmt::Debug for SecretHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretHeader({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_from_three_places_and_are_not_shown() {
        let header = SecretHeader::read("authorization=Bearer abc=").unwrap();
        assert_eq!((header.name.as_str(), header.value.as_str()), ("authorization", "Bearer abc="));
        assert!(!format!("{header:?}").contains("abc"));
        let folder = std::env::temp_dir().join(format!("moltghost-header-{}", std::process::id()));
        std::fs::write(&folder, "from a file\n").unwrap();
        let header = SecretHeader::read(&format!("x-key=file:{}", folder.display())).unwrap();
        assert_eq!(header.value, "from a file");
        std::fs::remove_file(&folder).unwrap();
        assert_eq!(SecretHeader::read("x-key=env:PATH").unwrap().value, std::env::var("PATH").unwrap());
    }

    #[test]
    fn what_cannot_be_sent_is_refused_without_saying_the_value() {
        for text in ["x-key=a\nb", "secret-without-name", "x y=secret", "x-key=env:NO_SUCH_VARIABLE"] {
            let failure = SecretHeader::read(text).unwrap_err();
            assert!(!failure.message.contains("secret-") && !failure.message.contains("a\nb"), "{failure}");
        }
    }
}
