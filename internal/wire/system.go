package wire

import (
	"fmt"
	"strings"
)

// ParseSystem215 returns the name of the operating system, in upper case, that
// the text of a 215 reply to SYST begins with: "UNIX", "WINDOWS_NT", "VMS", "MVS",
// "OS/400". The rest of the text has no agreed form.
func ParseSystem215(text string) (string, error) {
	for word := range strings.FieldsSeq(text) {
		if name := strings.Trim(word, `"'.,;:()`); isFeatureName(name) {
			return strings.ToUpper(name), nil
		}
	}
	return "", fmt.Errorf("no system name in the reply %s", quote(text))
}
