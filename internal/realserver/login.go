package realserver

import "fmt"

// The login is the system's nobody under another name: a number that no other process
// of the test has, and powerless outside Root.
const (
	loginUser     = "tester"
	loginPassword = "secret-42"
	loginID       = 65534

	// loginHash is loginPassword by crypt(3), method SHA-256.
	loginHash = "$5$dualport$edRKYflU6tZ3NuBX/aSKTDULJw1ps9L7ADcDbin8arC"
)

// passwdLine is the login in the form of passwd(5).
func passwdLine(hash, home string) string {
	return fmt.Sprintf("%s:%s:%d:%d::%s:/bin/sh\n", loginUser, hash, loginID, loginID, home)
}
