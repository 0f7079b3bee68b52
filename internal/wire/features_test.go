package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseFeatures(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"RFC 2389", []string{"Extensions supported:", " MLST size*;create;modify*;perm;media-type", " SIZE", " COMPRESSION", " MDTM", "END"}, []string{"MLST", "SIZE", "COMPRESSION", "MDTM"}},
		{"no blanks", []string{"Features:", "MDTM", "SIZE", "End"}, []string{"MDTM", "SIZE"}},
		{"tab and many blanks", []string{"Features:", "\tMDTM", "    SIZE  ", "End"}, []string{"MDTM", "SIZE"}},
		{"empty lines", []string{"Features:", "", " ", "SIZE", "", "End"}, []string{"SIZE"}},
		{"lower case", []string{"Features:", " utf8", "End"}, []string{"UTF8"}},
		{"twice", []string{"Features:", " UTF8", " utf8", "End"}, []string{"UTF8"}},
		{"last line without text", []string{"Features:", " EPSV", ""}, []string{"EPSV"}},
		{"features on first and last line", []string{" EPSV", " EPRT", " SIZE"}, []string{"EPSV", "EPRT", "SIZE"}},
		{"no features", []string{"no-features"}, nil},
		{"no lines between", []string{"Features:", "End"}, nil},
		{"nothing", nil, nil},
		{"binary", []string{"Features:", " \x00\x01", " \xff\xfe", " a\x7f", "End"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := ParseFeatures(tt.lines)
			require.Equal(t, tt.want, f.Names())
			for _, name := range tt.want {
				require.True(t, f.Has(name))
				require.True(t, f.Has(strings.ToLower(name)))
			}
			require.False(t, f.Has("End"))
			require.False(t, f.Has(""))
		})
	}
}

func TestFeaturesParams(t *testing.T) {
	f := ParseFeatures([]string{
		"Features:", " MLST type*;Size*;modify;", " REST STREAM", " AUTH TLS", " AUTH SSL;", " auth", " AUTH TLS-C", "  LANG  EN*,fr ", " SIZE", "End",
	})
	require.Equal(t, "type*;Size*;modify;", f.Params("mlst"))
	require.Equal(t, "STREAM", f.Params("REST"))
	require.Equal(t, "TLS;SSL;TLS-C", f.Params("AUTH"))
	require.Equal(t, "EN*,fr", f.Params("LANG"))
	require.Empty(t, f.Params("SIZE"))
	require.Empty(t, f.Params("NONE"))
}

func TestFeaturesZeroValue(t *testing.T) {
	var f Features
	require.False(t, f.Has("SIZE"))
	require.Empty(t, f.Params("SIZE"))
	require.Empty(t, f.Names())
}

func TestFeaturesNamesIsACopy(t *testing.T) {
	f := ParseFeatures([]string{"F", "SIZE", "End"})
	f.Names()[0] = "changed"
	require.Equal(t, []string{"SIZE"}, f.Names())
}

func FuzzParseFeatures(f *testing.F) {
	f.Add("Features:\n MLST type*;size*;\n AUTH TLS\n AUTH SSL\nEnd")
	f.Add("\n\n \n")
	f.Fuzz(func(t *testing.T, text string) {
		got := ParseFeatures(strings.Split(text, "\n"))
		for _, name := range got.Names() {
			require.True(t, got.Has(name))
			require.True(t, isFeatureName(name))
			require.LessOrEqual(t, len(got.Params(name)), len(text))
		}
	})
}
