//! Short names of files for people.

/// The leading folders that all names share, with the last separator; empty if there are none.
pub(crate) fn common_folder<'n>(mut names: impl Iterator<Item = &'n str>) -> &'n str {
    let mut common = names.next().map_or("", folder);
    for name in names {
        while !name.starts_with(common) {
            common = folder(&common[..common.len() - 1]);
        }
    }
    common
}

/// The extension that all names share, with its dot; empty if there is none, or if it is the whole of a name.
pub(crate) fn common_extension<'n>(mut names: impl Iterator<Item = &'n str>) -> &'n str {
    let common = names.next().map_or("", extension);
    match names.all(|name| extension(name) == common) {
        true => common,
        false => "",
    }
}

/// The extension of a name, with its dot.
fn extension(name: &str) -> &str {
    let file = &name[folder(name).len()..];
    match file.rfind('.') {
        Some(dot @ 1..) => &file[dot..],
        _ => "",
    }
}

/// The folder of a name, with its separator.
fn folder(name: &str) -> &str {
    let end = name.rfind(std::path::is_separator);
    end.map_or("", |end| &name[..=end])
}

/// At most this many letters of the end of a name, which distinguishes files better than its beginning. Control
/// characters are removed: a drawing cannot show them.
pub(crate) fn end_of(name: &str, most: usize) -> String {
    let shown = name.chars().filter(|letter| !letter.is_control());
    let letters: Vec<char> = shown.collect();
    match letters.len().checked_sub(most) {
        Some(beyond @ 1..) => std::iter::once('…')
            .chain(letters[beyond + 1..].iter().copied())
            .collect(),
        _ => letters.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_all_names_share_are_found() {
        for (names, shared) in [
            (&["../x/a.ply", "../x/y/b.ply"][..], "../x/"),
            (&["x/a.ply"], "x/"),
            (&["x/ab/1", "x/ac/1"], "x/"),
            (&["x/a", "x/ab/a"], "x/"),
            (&["x/a/1", "x/a"], "x/"),
            (&["/a", "/b"], "/"),
            (&["é/a", "é/b"], "é/"),
            (&["a", "x/b"], ""),
            (&["x/a", "y/b"], ""),
            (&[], ""),
        ] {
            assert_eq!(common_folder(names.iter().copied()), shared, "{names:?}");
        }
    }

    #[test]
    fn extensions_that_all_names_share_are_found() {
        for (names, shared) in [
            (&["a.ply", "x.y/b.ply"][..], ".ply"),
            (&["a.tar.gz"], ".gz"),
            (&["a.ply", "a.csv"], ""),
            (&["a.ply", ".ply"], ""),
            (&["x.y/a", "x.y/b"], ""),
            (&[], ""),
        ] {
            assert_eq!(common_extension(names.iter().copied()), shared, "{names:?}");
        }
    }

    #[test]
    fn of_a_long_name_the_end_is_shown() {
        assert_eq!(end_of("a\u{7}b", 3), "ab");
        assert_eq!(end_of("abcdef", 4), "…def");
    }
}
