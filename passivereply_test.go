package ftp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParsePassive(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		code       int
		want       string // "address port", or "port" alone
	}{
		{"RFC 959", "Entering Passive Mode (192,0,2,10,195,149)", 227, "192.0.2.10 50069"},
		{"full stop behind", "Entering Passive Mode (192,0,2,10,195,149).", 227, "192.0.2.10 50069"},
		{"text behind", "Entering Passive Mode (192,0,2,10,195,149) ready", 227, "192.0.2.10 50069"},
		{"no parentheses", "Entering Passive Mode 192,0,2,10,195,149", 227, "192.0.2.10 50069"},
		{"no parentheses, full stop", "Entering Passive Mode. 192,0,2,10,195,149.", 227, "192.0.2.10 50069"},
		{"numbers alone", "192,0,2,10,195,149", 227, "192.0.2.10 50069"},
		{"equals sign", "=192,0,2,10,195,149", 227, "192.0.2.10 50069"},
		{"square brackets", "Passive [192,0,2,10,195,149]", 227, "192.0.2.10 50069"},
		{"quotes", `Passive "192,0,2,10,195,149"`, 227, "192.0.2.10 50069"},
		{"opening parenthesis alone", "Passive (192,0,2,10,195,149", 227, "192.0.2.10 50069"},
		{"closing parenthesis alone", "Passive 192,0,2,10,195,149)", 227, "192.0.2.10 50069"},
		{"blanks around the numbers", "Passive ( 192 , 0,2 ,10, 195,\t149 )", 227, "192.0.2.10 50069"},
		{"number in the text", "Entering Passive Mode 2, (192,0,2,10,195,149)", 227, "192.0.2.10 50069"},
		{"version in the text", "vsFTPd 3.0.5: passive (192,0,2,10,195,149)", 227, "192.0.2.10 50069"},
		{"list in the text", "Users 1,2,3 of 5 (192,0,2,10,195,149)", 227, "192.0.2.10 50069"},
		{"ellipsis", "Entering Passive Mode...192,0,2,10,195,149", 227, "192.0.2.10 50069"},
		{"dash as decoration", "Passive - 192,0,2,10,195,149", 227, "192.0.2.10 50069"},
		{"signed bytes", "Passive (-64,-88,1,5,-61,-107)", 227, "192.168.1.5 50069"},
		{"largest and smallest signed byte", "Passive (-128,-1,127,0,127,-128)", 227, "128.255.127.0 32640"},
		{"leading zeros are decimal", "Passive (010,000,002,010,000,021)", 227, "10.0.2.10 21"},
		{"second line", "Entering Passive Mode\n (192,0,2,10,195,149)\nend", 227, "192.0.2.10 50069"},
		{"said twice alike", "192,0,2,10,195,149 (192,0,2,10,195,149)", 227, "192.0.2.10 50069"},
		{"unspecified address", "Passive (0,0,0,0,195,149)", 227, "0.0.0.0 50069"},
		{"lowest port", "Passive (192,0,2,10,0,1)", 227, "192.0.2.10 1"},
		{"highest port", "Passive (192,0,2,10,255,255)", 227, "192.0.2.10 65535"},
		{"227 to EPSV", "Passive (192,0,2,10,195,149)", 229, "192.0.2.10 50069"},
		{"another code", "Passive (192,0,2,10,195,149)", 200, "192.0.2.10 50069"},
		{"trailing CR", "Passive 192,0,2,10,195,149\r", 227, "192.0.2.10 50069"},

		{"RFC 2428", "Entering Extended Passive Mode (|||46934|)", 229, "46934"},
		{"extended, full stop behind", "Entering Extended Passive Mode (|||46934|).", 229, "46934"},
		{"extended, no parentheses", "Entering Extended Passive Mode |||46934|", 229, "46934"},
		{"extended, form alone", "|||46934|", 229, "46934"},
		{"IBM i", "Entering Extended Passive Mode (!!!46934!)", 229, "46934"},
		{"IBM i, no parentheses", "Extended !!!46934! ok", 229, "46934"},
		{"hash", "Extended (###46934#)", 229, "46934"},
		{"hyphen", "Extended (---46934-)", 229, "46934"},
		{"full stop as delimiter", "Extended (...46934.)", 229, "46934"},
		{"comma as delimiter", "Extended (,,,46934,)", 229, "46934"},
		{"letter as delimiter", "Extended (aaa46934a)", 229, "46934"},
		{"hash, no parentheses", "Extended ###46934#", 229, "46934"},
		{"last bar missing", "Extended (|||46934)", 229, "46934"},
		{"last bar missing, no parentheses", "Extended |||46934", 229, "46934"},
		{"last bar missing, full stop", "Extended |||46934.", 229, "46934"},
		{"one bar short", "Extended (||46934|)", 229, "46934"},
		{"one bar short and the last missing", "Extended (||46934)", 229, "46934"},
		{"blanks", "Extended ( | | | 46934 | )", 229, "46934"},
		{"extended, leading zeros", "Extended (|||00021|)", 229, "21"},
		{"extended, number in the text", "Mode 2, part 3 (|||46934|)", 229, "46934"},
		{"extended, second line", "Extended\n(|||46934|)\n", 229, "46934"},
		{"extended, said twice alike", "|||46934| (|||46934|)", 229, "46934"},
		{"extended, lowest port", "(|||1|)", 229, "1"},
		{"extended, highest port", "(|||65535|)", 229, "65535"},
		{"229 to PASV", "Extended (|||46934|)", 227, "46934"},
		{"family alone", "Extended (|1||46934|)", 229, "46934"},
		{"filled, IPv4", "Extended (|1|198.51.100.2|46934|)", 229, "198.51.100.2 46934"},
		{"filled, IPv6", "Extended (|2|1080::8:800:200C:417A|5282|)", 229, "1080::8:800:200c:417a 5282"},
		{"filled, no parentheses", "|2|2001:db8::1|5282|", 229, "2001:db8::1 5282"},
		{"filled, no family", "Extended (||198.51.100.2|46934|)", 229, "198.51.100.2 46934"},
		{"filled, mapped", "Extended (|2|::ffff:198.51.100.2|46934|)", 229, "198.51.100.2 46934"},
		{"both forms agree", "Passive (192,0,2,10,195,149) (|||50069|)", 227, "192.0.2.10 50069"},
		{"both forms agree, the other way round", "(|||50069|) 192,0,2,10,195,149", 229, "192.0.2.10 50069"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parsePassive(tt.text, tt.code)
			require.NoError(t, err)
			text := fmt.Sprint(got.port)
			if got.addr.IsValid() {
				text = got.addr.String() + " " + text
			}
			require.Equal(t, tt.want, text)
		})
	}
}

func TestParsePassiveRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, reason string }{
		{"empty", "", "no address or port"},
		{"words", "Entering Passive Mode", "no address or port"},
		{"five numbers", "Passive (192,0,2,10,195)", "no address or port"},
		{"number cut off", "Passive (192,0,2,10,195,", "no address or port"},
		{"dots", "Passive (192.0.2.10,195,149)", "no address or port"},
		{"seven numbers", "Passive (192,0,2,10,195,149,1)", "more than six numbers"},
		{"number joined to six", "Passive 2, 192,0,2,10,195,149", "more than six numbers"},
		{"many numbers", strings.Repeat("1,", 1000) + "1", "more than six numbers"},
		{"octet too large", "Passive (256,0,2,10,195,149)", "out of range"},
		{"octet far too large", "Passive (99999999999999999999,0,2,10,195,149)", "out of range"},
		{"port byte too large", "Passive (192,0,2,10,195,256)", "out of range"},
		{"four digits", "Passive (0192,0,2,10,195,149)", "out of range"},
		{"minus 129", "Passive (-129,0,2,10,195,149)", "out of range"},
		{"minus 0", "Passive (-0,0,2,10,195,149)", "out of range"},
		{"two minus signs", "Passive (--1,0,2,10,195,149)", "no clear form"},
		{"plus sign", "Passive (+1,0,2,10,195,149)", "no clear form"},
		{"range", "Passive 5-1,0,2,10,195,149", "no clear form"},
		{"port 0", "Passive (192,0,2,10,0,0)", "port 0"},
		{"letter before", "Passive x192,0,2,10,195,149", "no clear form"},
		{"letter behind", "Passive 192,0,2,10,195,149x", "no clear form"},
		{"hexadecimal", "Passive (0xC0,0,2,10,195,149)", "no clear form"},
		{"fraction before", "Passive 5.192,0,2,10,195,149", "no clear form"},
		{"fraction behind", "Passive 192,0,2,10,195,149.5", "no clear form"},
		{"comma before", "Passive (,192,0,2,10,195,149)", "no clear form"},
		{"comma behind", "Passive (192,0,2,10,195,149,)", "no clear form"},
		{"hole in the chain", "Passive (1,,192,0,2,10,195,149)", "no clear form"},
		{"over two lines", "Passive (192,0,2,\n10,195,149)", "no address or port"},
		{"two addresses", "192,0,2,10,195,149 or 192,0,2,11,195,149", "two different"},
		{"two ports", "192,0,2,10,195,149 or 192,0,2,10,195,150", "two different"},
		{"right and wrong", "(192,0,2,10,195,149) (300,0,2,10,195,149)", "out of range"},

		{"extended, no port", "Extended (||||)", "no address or port"},
		{"extended, word", "Extended (|||port|)", "no address or port"},
		{"extended, port 0", "Extended (|||0|)", "port 0"},
		{"extended, port too large", "Extended (|||65536|)", "out of range"},
		{"extended, six digits", "Extended (|||046934|)", "out of range"},
		{"extended, far too large", "Extended (|||99999999999999999999999|)", "out of range"},
		{"extended, negative", "Extended (|||-1|)", "no address or port"},
		{"extended, letter behind", "Extended (|||46934x|)", "no clear form"},
		{"extended, comma behind", "Extended (|||46934,5|)", "no clear form"},
		{"extended, fraction", "Extended (|||46934.5|)", "no clear form"},
		{"extended, another number behind", "Extended (|||46934|5)", "no clear form"},
		{"extended, two bars short", "Extended (|46934|)", "no address or port"},
		{"extended, four bars", "Extended (||||46934|)", "no address or port"},
		{"extended, bars differ", "Extended (|!|46934|)", "no address or port"},
		{"extended, number alone", "Extended (46934)", "no address or port"},
		{"extended, digit as delimiter", "Extended (11146934)", "no address or port"},
		{"extended, letter and no end", "Extended (aaa46934)", "no address or port"},
		{"extended, two ports", "(|||46934|) (|||46935|)", "two different"},
		{"ellipsis and a number", "Entering Extended Passive Mode... 46934", "no address or port"},
		{"ellipsis and a number with full stop", "Entering Extended Passive Mode...46934.", "no address or port"},
		{"dashes and a number", "Extended passive mode --- 46934 -", "no address or port"},
		{"filled, IPv6 under 1", "(|1|2001:db8::1|46934|)", "family"},
		{"filled, IPv4 under 2", "(|2|192.0.2.1|46934|)", "family"},
		{"filled, zone", "(|2|fe80::1%eth0|46934|)", "family"},
		{"filled, family 3", "(|3|192.0.2.1|46934|)", "no address or port"},
		{"filled, no address", "(|1|example|46934|)", "no address or port"},
		{"filled, port 0", "(|1|192.0.2.1|0|)", "port 0"},
		{"both forms differ", "(192,0,2,10,195,149) (|||50070|)", "two different"},
		{"filled differs", "(192,0,2,10,195,149) (|1|192.0.2.11|50069|)", "two different"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, code := range []int{227, 229} {
				got, err := parsePassive(tt.text, code)
				require.ErrorContains(t, err, tt.reason)
				require.ErrorContains(t, err, fmt.Sprintf("the %d reply", code))
				require.Zero(t, got)
				require.Less(t, len(err.Error()), 500)
			}
		})
	}
}

// Every delimiter RFC 2428 permits, digits excepted, is understood.
func TestParsePassiveDelimiters(t *testing.T) {
	for d := byte(33); d <= 126; d++ {
		if d >= '0' && d <= '9' || d == '(' || d == ')' {
			continue
		}
		text := strings.ReplaceAll("Entering Extended Passive Mode (|||46934|)", "|", string(d))
		got, err := parsePassive(text, 229)
		require.NoError(t, err, text)
		require.Equal(t, passiveReply{port: 46934}, got, text)
	}
}
