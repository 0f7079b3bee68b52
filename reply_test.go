package ftp_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

func TestReplyText(t *testing.T) {
	for _, tt := range []struct {
		reply        ftp.Reply
		text, String string
		json         string
	}{
		{ftp.Reply{}, "", "0", `{"code":0}`},
		{ftp.Reply{Code: 226}, "", "226", `{"code":226}`},
		{ftp.Reply{Code: 226, Lines: []string{"done"}}, "done", "226 done", `{"code":226,"lines":["done"]}`},
		{ftp.Reply{Code: 226, Lines: []string{"a", " b", "c"}}, "a\n b\nc", "226 c", `{"code":226,"lines":["a"," b","c"]}`},
	} {
		require.Equal(t, tt.text, tt.reply.Text())
		require.Equal(t, tt.String, tt.reply.String())
		text, err := json.Marshal(tt.reply)
		require.NoError(t, err)
		require.JSONEq(t, tt.json, string(text))
	}
}

// Replies as they come over the wire, and as Raw returns them.
func TestReplyLines(t *testing.T) {
	for _, tt := range []struct {
		name, wire string
		code       int
		lines      []string
	}{
		{"one line", "200 ok", 200, []string{"ok"}},
		{"code alone", "200", 200, []string{""}},
		{"several lines", "211-first\n211 last", 211, []string{"first", "last"}},
		{"lines between without a code", "211-first\n second\nthird\n211 last", 211, []string{"first", " second", "third", "last"}},
		{"another code between", "211-first\n211x\n550 not the end\n211 last", 211, []string{"first", "211x", "550 not the end", "last"}},
		{"code and hyphen between", "211-first\n211-second\n211 last", 211, []string{"first", "second", "last"}},
		{"empty line between", "211-first\n\n211 last", 211, []string{"first", "", "last"}},
		{"a code of its own", "299 odd", 299, []string{"odd"}},
		{"6xx", "631 protected", 631, []string{"protected"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &puppet{replies: map[string]string{"XTST": tt.wire}}
			c := p.dial(t, nil)
			reply, err := c.Raw(t.Context(), "XTST")
			require.NoError(t, err)
			require.Equal(t, ftp.Reply{Code: tt.code, Lines: tt.lines}, reply)
			require.NoError(t, c.NoOp(t.Context()))
		})
	}
}

func TestRepliesWithBareLineFeeds(t *testing.T) {
	c, srv := session(t, ftptest.Config{Dialect: ftptest.Dialect{ReplyBareLF: true, ListBareLF: true}}, nil)
	put(t, srv, aliveFile, []byte(aliveData))
	requireAlive(t, c)
}

func TestMalformedReplyBreaksTheSession(t *testing.T) {
	for _, wire := range []string{"no code at all", "20 short", "2000 long", "999 out of range", "\x16\x03\x01", "+OK pop"} {
		p := &puppet{replies: map[string]string{"NOOP": wire}}
		c := p.dial(t, nil)
		require.ErrorIs(t, c.NoOp(t.Context()), ftp.ErrBroken, wire)
		require.ErrorContains(t, c.NoOp(t.Context()), "malformed reply", wire)
	}
}
