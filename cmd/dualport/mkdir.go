package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

func (j *job) mkdirCommand() *cobra.Command {
	var parents bool
	cmd := j.cobra(command{
		use:   "mkdir URL",
		short: "Create a directory",
		long:  "Create a directory; with -p also those above it that are missing, and one that exists is no error.",
		min:   1, max: 1,
		demo: func(url string, args []string) []string { return append([]string{url + "/new"}, args...) },
		work: func(ctx context.Context, args []string) error { return j.makeDir(ctx, args[0], parents) },
	})
	cmd.Flags().BoolVarP(&parents, "parents", "p", false, "create missing directories above it")
	return cmd
}

func (j *job) makeDir(ctx context.Context, url string, parents bool) error {
	t, err := j.parse(url)
	if err != nil {
		return err
	}
	path := strings.TrimRight(t.path, "/")
	if path == "" {
		return usagef("the URL names no directory")
	}
	c, err := j.connect(ctx, t)
	if err != nil {
		return err
	}
	if parents {
		return c.MakeDirAll(ctx, path)
	}
	return c.MakeDir(ctx, path)
}
