package listing

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMonths(t *testing.T) {
	for language, year := range map[string]string{
		"English":    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
		"German":     "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
		"French":     "janv. févr. mars avril mai juin juil. août sept. oct. nov. déc.",
		"Spanish":    "ene feb mar abr may jun jul ago sep oct nov dic",
		"Italian":    "gen feb mar apr mag giu lug ago set ott nov dic",
		"Portuguese": "jan fev mar abr mai jun jul ago set out nov dez",
		"Dutch":      "jan feb mrt apr mei jun jul aug sep okt nov dec",
		"Danish":     "jan feb mar apr maj jun jul aug sep okt nov dec",
		"Polish":     "sty lut mar kwi maj cze lip sie wrz paź lis gru",
		"Russian":    "янв фев мар апр мая июн июл авг сен окт ноя дек",
		"Latin-1":    "j\xe4n f\xe9vr. m\xe4r apr mai jun jul ao\xfbt sep oct nov d\xe9c.",
		"numbers":    "1月 2月 3月 4월 05월 6月 7月 8月 9月 10月 11月 12月",
	} {
		words := strings.Fields(year)
		require.Len(t, words, 12, language)
		for i, word := range words {
			month, ok := monthOf(word)
			require.True(t, ok, "%s %q", language, word)
			require.Equal(t, i+1, month, "%s %q", language, word)
		}
	}
	for _, word := range []string{"", ".", "x", "janu", "0月", "13月", "月", "-1月", strings.Repeat("j", 17)} {
		_, ok := monthOf(word)
		require.False(t, ok, word)
	}
}
