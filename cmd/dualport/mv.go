package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

func (j *job) mvCommand() *cobra.Command {
	return j.cobra(command{
		use:   "mv URL URL|PATH",
		short: "Rename or move a file or directory",
		long: `Rename or move a file or directory on its server. The second argument is a path
on the server, relative to the login directory, or a URL on the same server; one
that ends in "/" is a directory into which to move.`,
		min: 2, max: 2,
		demo: func(url string, args []string) []string {
			return append([]string{url + "/old.txt", "new.txt"}, args...)
		},
		work: j.move,
	})
}

func (j *job) move(ctx context.Context, args []string) error {
	from, err := j.parse(args[0])
	if err != nil {
		return err
	}
	to, err := j.destination(from, args[1])
	if err != nil {
		return usage(err)
	}
	path := strings.TrimRight(from.path, "/")
	if path == "" || to == "" {
		return usagef("mv needs the name of what to move, and where to")
	}
	if strings.HasSuffix(to, "/") {
		to += path[strings.LastIndexByte(path, '/')+1:]
	}
	c, err := j.connect(ctx, from)
	if err != nil {
		return err
	}
	return c.Rename(ctx, path, to)
}

// destination reads the second argument: a URL, which has a scheme here, or a
// path in which nothing is escaped.
func (j *job) destination(from target, arg string) (string, error) {
	if !strings.Contains(arg, "://") {
		return arg, checkText("path", arg)
	}
	to, err := j.readURL(arg)
	if err != nil {
		return "", err
	}
	if !from.sameServer(to) {
		return "", usagef("both URLs must be on the same server, with the same user")
	}
	return to.path, nil
}
