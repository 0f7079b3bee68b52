package realserver

import "path/filepath"

// LoginProxy returns what goes into Extra of a proftpd to make it a login proxy: it has no
// users, but takes those of other servers, who log in as "user@host:port", and passes all
// commands on. Data connections go through it as well, by the client's method on both
// sides. It keeps its tables in dir, which must be for one proxy only.
func LoginProxy(dir string) []string {
	return []string{
		"LoadModule mod_tls.c", // brings the library that mod_proxy uses and does not ask for
		"LoadModule mod_proxy.c",
		"ProxyEngine on",
		"ProxyRole forward",
		"ProxyForwardMethod user@host",
		"ProxyTables " + filepath.Join(dir, "tables"),
		"ProxyTLSEngine off",
		// It serves clients with private addresses only, unless it is told otherwise.
		"<Class everybody>",
		"  From all",
		"  ProxyForwardEnabled on",
		"</Class>",
	}
}
