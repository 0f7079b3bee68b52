package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/doctor"
)

func (j *job) rawCommand() *cobra.Command {
	return j.cobra(command{
		use:   "raw URL COMMAND",
		short: "Send one command and print the reply",
		long: `Log in, change to the directory of the URL if it names one, send COMMAND, which
is one argument such as "SITE HELP", and print the reply. Commands that move data
are refused.`,
		min: 2, max: 2,
		demo: func(url string, args []string) []string { return append([]string{url + "/"}, args...) },
		work: j.raw,
	})
}

func (j *job) raw(ctx context.Context, args []string) error {
	t, err := j.parse(args[0])
	if err != nil {
		return err
	}
	verb, argument, found := strings.Cut(strings.TrimLeft(args[1], " "), " ")
	if err := checkText("command", args[1]); err != nil {
		return usage(err)
	}
	if verb == "" {
		return usagef("the command is empty")
	}
	c, err := j.connect(ctx, t)
	if err != nil {
		return err
	}
	if t.path != "" {
		if err := c.ChangeDir(ctx, t.path); err != nil {
			return err
		}
	}
	var arguments []string
	if found {
		arguments = []string{argument}
	}
	reply, err := c.Raw(ctx, verb, arguments...)
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, ftp.ErrBroken) { // it was not sent
			return usagef("raw cannot send %q: it moves data, or changes the session under the feet of its owner", verb)
		}
		return err
	}
	return j.showReply(t, verb, reply)
}

func (j *job) showReply(t target, verb string, reply ftp.Reply) error {
	j.result.Reply = &reply
	for _, line := range replyLines(reply) {
		if j.env.terminal(j.env.stdout) {
			line = doctor.Visible(line)
		}
		if err := j.toStdout("%s\n", line); err != nil {
			return &ftp.Error{Op: "raw", Err: err}
		}
	}
	if reply.Code >= 400 {
		return &ftp.Error{Op: "raw", Host: t.address(), Command: strings.ToUpper(verb), Reply: reply}
	}
	return nil
}
