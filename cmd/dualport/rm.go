package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

func (j *job) rmCommand() *cobra.Command {
	var recursive bool
	cmd := j.cobra(command{
		use:   "rm URL",
		short: "Remove a file",
		long:  "Remove a file; with -r also a directory and everything in it. A link is removed, and never followed.",
		min:   1, max: 1,
		demo: func(url string, args []string) []string { return append([]string{url + "/old.txt"}, args...) },
		work: func(ctx context.Context, args []string) error { return j.remove(ctx, args[0], recursive) },
	})
	cmd.Flags().BoolVarP(&recursive, "recursive", "r", false, "remove directories and what is in them")
	return cmd
}

func (j *job) remove(ctx context.Context, url string, recursive bool) error {
	t, err := j.parse(url)
	if err != nil {
		return err
	}
	path := strings.TrimRight(t.path, "/")
	switch last := path[strings.LastIndexByte(path, '/')+1:]; last {
	case "", ".", "..":
		return usagef("the URL names nothing that could be removed by its name")
	}
	c, err := j.connect(ctx, t)
	if err != nil {
		return err
	}
	if !recursive {
		return c.Delete(ctx, t.path)
	}
	if _, err := c.Stat(ctx, path); err != nil { // RemoveAll is content with what does not exist
		return err
	}
	return c.RemoveAll(ctx, path)
}
