//! A profile that somebody names and that is in none of AWS's two files: told by its name, before the first call.
//!
//! The SDK would say so only where there are files, and otherwise no more than that there are no credentials.

use std::path::PathBuf;

/// One of AWS's files, as far as it could be read.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    /// Its text, or why there is none.
    pub(super) text: std::io::Result<String>,
    /// What stands before a profile's name in its headings: `profile ` in the configuration, nothing in the credentials.
    pub(super) before: &'static str,
}

impl File {
    fn read(variable: &str, name: &str, before: &'static str) -> Option<Self> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let path = set(variable).or_else(|| Some(set("HOME")?.join(".aws").join(name)))?;
        Some(Self { text: std::fs::read_to_string(&path), path, before })
    }

    /// The profiles that it has.
    fn profiles(&self) -> Vec<&str> {
        let text = self.text.as_deref().unwrap_or_default();
        let headings = text.lines().filter_map(|line| line.trim().strip_prefix('[')?.split(']').next());
        let names = headings.filter_map(|heading| match heading.trim() {
            "default" => Some("default"),
            heading => heading.strip_prefix(self.before).map(|name| name.trim().trim_matches(['"', '\''])),
        });
        names.collect()
    }

    /// Whether it has words but no heading: the SDK says what is wrong with that.
    fn is_odd(&self) -> bool {
        self.text.as_deref().is_ok_and(|text| !text.trim().is_empty() && !text.contains('['))
    }

    fn said(&self) -> String {
        let (path, profiles) = (self.path.display(), self.profiles());
        match &self.text {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => format!("{path} (not there)"),
            Err(error) => format!("{path} ({error})"),
            Ok(_) if profiles.is_empty() => format!("{path} (no profiles)"),
            Ok(_) => format!("{path} (has {})", profiles.join(", ")),
        }
    }
}

/// The files in which AWS's tools look for profiles.
pub(super) fn files() -> Vec<File> {
    let files = [
        File::read("AWS_CONFIG_FILE", "config", "profile "),
        File::read("AWS_SHARED_CREDENTIALS_FILE", "credentials", ""),
    ];
    files.into_iter().flatten().collect()
}

/// What to say of a profile that is in none of `files`.
pub(super) fn missing(profile: &str, files: &[File]) -> Option<String> {
    if files.iter().any(|file| file.is_odd() || file.profiles().contains(&profile)) {
        return None;
    }
    let looked: Vec<String> = files.iter().map(File::said).collect();
    Some(format!(
        "there is no AWS profile `{profile}`: {}\n  name another with --profile, or make it: `aws configure --profile {profile}`",
        looked.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: Option<&str>, before: &'static str) -> File {
        let text = text.map(str::to_owned).ok_or_else(|| std::io::ErrorKind::NotFound.into());
        File { path: PathBuf::from(path), text, before }
    }

    #[test]
    fn a_profile_that_is_nowhere_is_named_with_the_files() {
        let config =
            "[default]\nregion = us-east-1\n[profile work]\nsso_session = corp\n[sso-session corp]\n";
        let files =
            [file("config", Some(config), "profile "), file("credentials", Some(" [lab] # mine\n"), "")];
        assert_eq!(missing("work", &files), None);
        assert_eq!(missing("lab", &files), None);
        assert_eq!(missing("default", &files), None);
        let said = missing("wrok", &files).expect("it is nowhere");
        assert!(said.contains("`wrok`: config (has default, work), credentials (has lab)"), "{said}");
        let files = [file("config", None, "profile "), file("credentials", Some(""), "")];
        let said = missing("lab", &files).expect("it is nowhere");
        assert!(said.contains("config (not there), credentials (no profiles)"), "{said}");
    }

    /// The SDK knows better what is wrong with it.
    #[test]
    fn a_file_without_headings_is_left_to_the_sdk() {
        assert_eq!(missing("lab", &[file("credentials", Some("aws_access_key_id = x\n"), "")]), None);
    }
}
