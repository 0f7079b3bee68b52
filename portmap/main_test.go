package portmap_test

import (
	"os"
	"testing"

	"github.com/dualport/ftp/internal/leaktest"
)

// TestMain fails when a goroutine of this module is left after the tests.
func TestMain(m *testing.M) { os.Exit(leaktest.Run(m)) }
