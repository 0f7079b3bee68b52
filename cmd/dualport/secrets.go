package main

import (
	"net/url"
	"strings"
)

// hide keeps secrets out of everything that is printed from now on.
func (j *job) hide(secrets ...string) { j.secrets = append(j.secrets, secrets...) }

// hideArguments hides the passwords of the URLs among the arguments. A command
// that uses one hides it anyhow; this is for one in a wrong place, which an error
// about that place would repeat.
func (j *job) hideArguments(args []string) {
	for _, arg := range args {
		userinfo := userinfoOf(arg)
		if _, rest, isURL := strings.Cut(arg, "://"); !strings.HasPrefix(arg, "-") {
			authority, _, _ := strings.Cut(rest, "/")
			if !isURL || !strings.Contains(authority, "@") {
				continue // an @ of the path, or a path alone
			}
			userinfo = userinfoOf(authority)
		}
		if user, password, _ := strings.Cut(userinfo, ":"); !isAnonymous(user) {
			j.hide(spellings(password)...)
		}
	}
}

// userinfoOf is what stands before the last @ of a URL, which may have any
// mistakes, such as a password that is not escaped.
func userinfoOf(rawURL string) string {
	if _, rest, found := strings.Cut(rawURL, "://"); found {
		rawURL = rest
	}
	return rawURL[:max(0, strings.LastIndexByte(rawURL, '@'))]
}

// spellings are a part of a URL as it was written, and without its escapes.
func spellings(s string) []string {
	plain, err := url.PathUnescape(s)
	if err != nil || plain == s {
		return []string{s}
	}
	return []string{s, plain}
}
