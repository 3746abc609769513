package config

import (
	"net/url"
	"strings"
)

// readOrigins takes the sites of the variable, which come before those of the file.
func readOrigins(l *loader) {
	const name = "DREAMLAB_CORS"
	if text, set := l.lookup(name); set {
		l.CORS = nil
		for origin := range strings.SplitSeq(text, ",") {
			l.CORS = append(l.CORS, strings.TrimSpace(origin))
		}
		l.origins["cors"] = name
	}
	for i, origin := range l.CORS {
		l.CORS[i] = strings.ToLower(strings.TrimSuffix(origin, "/"))
		if u, err := url.Parse(l.CORS[i]); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" ||
			l.CORS[i] != u.Scheme+"://"+u.Host || strings.Contains(u.Host, "*") {
			l.fault("%s: %q is no site: name each by scheme and host, such as https://lab.example", l.at("cors"), origin)
		}
	}
}
