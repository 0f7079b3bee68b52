package ftp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/ftptest"
)

// demo is a client that is logged in to a server with a few files. end closes
// both.
func demo() (c *ftp.Client, end func()) {
	srv := demoServer(ftptest.Config{})
	c, err := ftp.Dial(context.Background(), srv.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	return c, func() {
		_ = c.Close()
		_ = srv.Close()
	}
}

func demoServer(config ftptest.Config) *ftptest.Server {
	srv, err := ftptest.Listen(config)
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range map[string]string{
		"/pub/hello.txt":    "Hello, world!\n",
		"/pub/numbers.txt":  "0123456789",
		"/pub/docs/faq.txt": "Why two connections?\n",
	} {
		if err := errors.Join(
			srv.Tree.WriteFile(name, []byte(text)),
			srv.Tree.SetModTime(name, time.Date(2024, time.March, 1, 12, 0, 0, 0, time.UTC)),
		); err != nil {
			log.Fatal(err)
		}
	}
	return srv
}

func ExampleDial() {
	srv := demoServer(ftptest.Config{})
	defer srv.Close()
	ctx := context.Background()

	c, err := ftp.Dial(ctx, srv.Addr, &ftp.Options{User: "user", Password: "secret"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	_, err = c.Retrieve(ctx, "/pub/hello.txt", os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	// Output: Hello, world!
}

func ExampleClient_Login() {
	srv := demoServer(ftptest.Config{})
	defer srv.Close()
	ctx := context.Background()

	c, err := ftp.Dial(ctx, srv.Addr, &ftp.Options{SkipLogin: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	err = c.Login(ctx, "user", "wrong")
	fmt.Println(errors.Is(err, ftp.ErrLogin))
	fmt.Println(c.Login(ctx, "user", "secret"))
	// Output:
	// true
	// <nil>
}

func ExampleClient_Close() {
	c, end := demo()
	defer end()
	fmt.Println(c.Close(), c.Close())
	fmt.Println(c.NoOp(context.Background()) != nil)
	// Output:
	// <nil> <nil>
	// true
}

func ExampleClient_Retrieve() {
	c, end := demo()
	defer end()
	result, err := c.Retrieve(context.Background(), "/pub/hello.txt", os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Bytes, "bytes by", result.Negotiation.Method())
	// Output:
	// Hello, world!
	// 14 bytes by EPSV
}

func ExampleClient_RetrieveFrom() {
	c, end := demo()
	defer end()
	_, err := c.RetrieveFrom(context.Background(), "/pub/numbers.txt", 7, os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	// Output: 789
}

func ExampleClient_Store() {
	c, end := demo()
	defer end()
	result, err := c.Store(context.Background(), "/pub/new.txt", strings.NewReader("some text"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Path, result.Bytes, result.Reply)
	// Output: /pub/new.txt 9 226 Transfer complete.
}

func ExampleClient_StoreFrom() {
	c, end := demo()
	defer end()
	ctx := context.Background()
	// The server has "0123456789"; what follows the first five bytes is sent again.
	_, err := c.StoreFrom(ctx, "/pub/numbers.txt", 5, strings.NewReader("fghijklm"))
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Retrieve(ctx, "/pub/numbers.txt", os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	// Output: 01234fghijklm
}

func ExampleClient_Append() {
	c, end := demo()
	defer end()
	ctx := context.Background()
	for _, line := range []string{"one\n", "two\n"} {
		if _, err := c.Append(ctx, "/pub/log.txt", strings.NewReader(line)); err != nil {
			log.Fatal(err)
		}
	}
	_, err := c.Retrieve(ctx, "/pub/log.txt", os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// one
	// two
}

func ExampleClient_StoreUnique() {
	c, end := demo()
	defer end()
	result, err := c.StoreUnique(context.Background(), "", strings.NewReader("text"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stored as", result.Path)
	// Output: stored as ftp.000001
}

func ExampleClient_Open() {
	c, end := demo()
	defer end()
	r, err := c.Open(context.Background(), "/pub/hello.txt")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	first := make([]byte, 5)
	if _, err := io.ReadFull(r, first); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, and there are %d bytes in all\n", first, r.Size())
	// Output: Hello, and there are 14 bytes in all
}

func ExampleClient_OpenFrom() {
	c, end := demo()
	defer end()
	r, err := c.OpenFrom(context.Background(), "/pub/numbers.txt", 8)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	rest, err := io.ReadAll(r) // returns no error only after the server has confirmed the transfer
	fmt.Printf("%s %v\n", rest, err)
	// Output: 89 <nil>
}

func ExampleClient_Create() {
	c, end := demo()
	defer end()
	w, err := c.Create(context.Background(), "/pub/table.txt")
	if err != nil {
		log.Fatal(err)
	}
	for i := range 3 {
		if _, err := fmt.Fprintf(w, "%d squared is %d\n", i, i*i); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil { // the file is stored only if this is nil
		log.Fatal(err)
	}
	fmt.Println(w.Result().Bytes)
	// Output: 45
}

func ExampleClient_CreateFrom() {
	c, end := demo()
	defer end()
	w, err := c.CreateFrom(context.Background(), "/pub/numbers.txt", 10)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.WriteString(w, "ABC"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Close(), w.Result().Offset)
	// Output: <nil> 10
}

func ExampleClient_CreateAppend() {
	c, end := demo()
	defer end()
	ctx := context.Background()
	w, err := c.CreateAppend(ctx, "/pub/numbers.txt")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.WriteString(w, "ABC"); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	size, err := c.Size(ctx, "/pub/numbers.txt")
	fmt.Println(size, err)
	// Output: 13 <nil>
}

func ExampleWriter_Abort() {
	c, end := demo()
	defer end()
	ctx := context.Background()
	w, err := c.Create(ctx, "/pub/half.txt")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.WriteString(w, "half of it"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Abort())
	fmt.Println(c.NoOp(ctx)) // the session goes on
	// Output:
	// <nil>
	// <nil>
}

func ExampleClient_List() {
	c, end := demo()
	defer end()
	for entry, err := range c.List(context.Background(), "/pub") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(entry.EntryType(), entry.Name())
	}
	// Output:
	// dir docs
	// file hello.txt
	// file numbers.txt
}

func ExampleClient_NameList() {
	c, end := demo()
	defer end()
	for name, err := range c.NameList(context.Background(), "/pub") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(name)
	}
	// Output:
	// docs
	// hello.txt
	// numbers.txt
}

func ExampleClient_Stat() {
	c, end := demo()
	defer end()
	entry, err := c.Stat(context.Background(), "/pub/hello.txt")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(entry.Name(), entry.Size(), entry.Mode(), entry.ModTime())
	// Output: hello.txt 14 -rw-r--r-- 2024-03-01 12:00:00 +0000 UTC
}

func ExampleClient_Walk() {
	c, end := demo()
	defer end()
	err := c.Walk(context.Background(), "/pub", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fmt.Println(path)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// /pub
	// /pub/docs
	// /pub/docs/faq.txt
	// /pub/hello.txt
	// /pub/numbers.txt
}

func ExampleClient_MakeDir() {
	c, end := demo()
	defer end()
	ctx := context.Background()
	fmt.Println(c.MakeDir(ctx, "/new"))
	err := c.MakeDir(ctx, "/new")
	fmt.Println(errors.Is(err, fs.ErrExist))
	// Output:
	// <nil>
	// true
}

func ExampleClient_MakeDirAll() {
	c, end := demo()
	defer end()
	ctx := context.Background()
	fmt.Println(c.MakeDirAll(ctx, "/pub/2024/03/01"))
	fmt.Println(c.MakeDirAll(ctx, "/pub/2024/03/01")) // once more is no error
	// Output:
	// <nil>
	// <nil>
}

func ExampleClient_ChangeDir() {
	c, end := demo()
	defer end()
	ctx := context.Background()
	if err := c.ChangeDir(ctx, "/pub"); err != nil {
		log.Fatal(err)
	}
	_, err := c.Retrieve(ctx, "hello.txt", os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	// Output: Hello, world!
}

func ExampleClient_CurrentDir() {
	c, end := demo()
	defer end()
	fmt.Println(c.CurrentDir(context.Background()))
	// Output: / <nil>
}

func ExampleClient_Rename() {
	c, end := demo()
	defer end()
	ctx := context.Background()
	fmt.Println(c.Rename(ctx, "/pub/hello.txt", "/pub/docs/greeting.txt"))
	_, err := c.Stat(ctx, "/pub/hello.txt")
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// <nil>
	// true
}

func ExampleClient_Delete() {
	c, end := demo()
	defer end()
	ctx := context.Background()
	fmt.Println(c.Delete(ctx, "/pub/hello.txt"))
	fmt.Println(errors.Is(c.Delete(ctx, "/pub/hello.txt"), fs.ErrNotExist))
	// Output:
	// <nil>
	// true
}

func ExampleClient_RemoveDir() {
	c, end := demo()
	defer end()
	ctx := context.Background()
	err := c.RemoveDir(ctx, "/pub/docs") // it must be empty
	fmt.Println(ftp.ReplyCode(err))
	// Output: 550
}

func ExampleClient_RemoveAll() {
	c, end := demo()
	defer end()
	ctx := context.Background()
	fmt.Println(c.RemoveAll(ctx, "/pub/docs"))
	_, err := c.Stat(ctx, "/pub/docs")
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// <nil>
	// true
}

func ExampleClient_Size() {
	c, end := demo()
	defer end()
	fmt.Println(c.Size(context.Background(), "/pub/hello.txt"))
	// Output: 14 <nil>
}

func ExampleClient_ModTime() {
	c, end := demo()
	defer end()
	fmt.Println(c.ModTime(context.Background(), "/pub/hello.txt"))
	// Output: 2024-03-01 12:00:00 +0000 UTC <nil>
}

func ExampleClient_SetModTime() {
	c, end := demo()
	defer end()
	ctx := context.Background()
	if err := c.SetModTime(ctx, "/pub/hello.txt", time.Date(2020, time.May, 4, 3, 2, 1, 0, time.UTC)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.ModTime(ctx, "/pub/hello.txt"))
	// Output: 2020-05-04 03:02:01 +0000 UTC <nil>
}

func ExampleClient_Chmod() {
	c, end := demo()
	defer end()
	ctx := context.Background()
	if err := c.Chmod(ctx, "/pub/hello.txt", 0o600); err != nil {
		log.Fatal(err)
	}
	entry, err := c.Stat(ctx, "/pub/hello.txt")
	fmt.Println(entry.Mode(), err)
	// Output: -rw------- <nil>
}

func ExampleClient_SetType() {
	c, end := demo()
	defer end()
	ctx := context.Background()
	if err := c.SetType(ctx, ftp.TypeASCII); err != nil {
		log.Fatal(err)
	}
	result, err := c.Retrieve(ctx, "/pub/hello.txt", os.Stdout)
	fmt.Println(result.Bytes, err) // one more for the CR on the wire
	// Output:
	// Hello, world!
	// 15 <nil>
}

func ExampleClient_System() {
	c, end := demo()
	defer end()
	fmt.Println(c.System(context.Background()))
	// Output: UNIX Type: L8 <nil>
}

func ExampleClient_NoOp() {
	c, end := demo()
	defer end()
	fmt.Println(c.NoOp(context.Background()))
	// Output: <nil>
}

func ExampleClient_Raw() {
	c, end := demo()
	defer end()
	reply, err := c.Raw(context.Background(), "SITE", "HELP")
	fmt.Println(reply.Code, reply.Text(), err)
	// Output: 214 SITE CHMOD is all there is. <nil>
}

func ExampleClient_Feature() {
	c, end := demo()
	defer end()
	params, ok := c.Feature("REST")
	fmt.Println(params, ok)
	// Output: STREAM true
}

func ExampleClient_Features() {
	c, end := demo()
	defer end()
	fmt.Println(c.Features())
	// Output: [EPRT EPSV HOST MDTM MFMT MLST REST SIZE UTF8]
}

func ExampleClient_PassivePorts() {
	srv := demoServer(ftptest.Config{Passive: ftptest.Passive{PortMin: 21110, PortMax: 21110}})
	defer srv.Close()
	ctx := context.Background()
	c, err := ftp.Dial(ctx, srv.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Retrieve(ctx, "/pub/hello.txt", io.Discard); err != nil {
		log.Fatal(err)
	}
	fmt.Println("have the firewall let out", c.PassivePorts())
	// Output: have the firewall let out 21110
}

// A server behind a NAT that names its private address, where the address to
// use is known.
func ExamplePassive() {
	srv := demoServer(ftptest.Config{Passive: ftptest.Passive{Advertise: netip.MustParseAddr("10.0.0.5")}})
	defer srv.Close()
	ctx := context.Background()
	c, err := ftp.Dial(ctx, srv.Addr, &ftp.Options{Passive: ftp.Passive{
		Methods:  []ftp.Method{ftp.PASV},
		ForcedIP: netip.MustParseAddr("127.0.0.1"),
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	result, err := c.Retrieve(ctx, "/pub/hello.txt", os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	rung := result.Negotiation.Final()
	fmt.Println("advertised", rung.Advertised.Addr(), "and reached", rung.Remote.Addr())
	// Output:
	// Hello, world!
	// advertised 10.0.0.5 and reached 127.0.0.1
}

// A client behind a NAT that forwards ten ports to it. The server of this
// example is on the same host, and is told the local address all the same.
func ExampleActive() {
	srv := demoServer(ftptest.Config{})
	defer srv.Close()
	ctx := context.Background()
	ports := ftp.PortRange{Lo: 21120, Hi: 21129}
	c, err := ftp.Dial(ctx, srv.Addr, &ftp.Options{
		Mode:   ftp.ModeActive,
		Active: ftp.Active{Ports: ports, External: "203.0.113.7"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	result, err := c.Retrieve(ctx, "/pub/hello.txt", os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	rung := result.Negotiation.Final()
	fmt.Println(rung.Method, rung.Advertised.Addr(), ports.Contains(rung.Listened.Port()))
	// Output:
	// Hello, world!
	// PORT 127.0.0.1 true
}

// singlePort is a DataDialer for a server that is reached through a tunnel which
// carries one data port.
type singlePort struct{ tunnel string }

func (s singlePort) DialData(ctx context.Context, x *ftp.Exchange) (net.Conn, error) {
	reply, err := x.Command(ctx, "EPSV")
	if err != nil {
		return nil, err
	}
	if reply.Code != 229 {
		return nil, fmt.Errorf("the server answered EPSV with %q", reply)
	}
	return x.Dial(ctx, s.tunnel)
}

func ExampleDataDialer() {
	srv := demoServer(ftptest.Config{Passive: ftptest.Passive{PortMin: 21130, PortMax: 21130}})
	defer srv.Close()
	ctx := context.Background()
	c, err := ftp.Dial(ctx, srv.Addr, &ftp.Options{DataDialer: singlePort{"127.0.0.1:21130"}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	_, err = c.Retrieve(ctx, "/pub/hello.txt", os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	// Output: Hello, world!
}

func ExampleTrace() {
	srv := demoServer(ftptest.Config{})
	defer srv.Close()
	ctx := context.Background()
	c, err := ftp.Dial(ctx, srv.Addr, &ftp.Options{
		User: "user", Password: "secret",
		Trace: &ftp.Trace{
			Command: func(e ftp.CommandEvent) { fmt.Println(">", e.Line) },
			Reply:   func(e ftp.ReplyEvent) { fmt.Println("<", e.Reply) },
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// < 220 ftptest ready.
	// > USER user
	// < 331 Please give the password.
	// > PASS ****
	// < 230 Logged in.
	// > FEAT
	// < 211 End
	// > OPTS UTF8 ON
	// < 200 Names are UTF-8.
	// > TYPE I
	// < 200 Type is binary.
	// > QUIT
	// < 221 Goodbye.
}

func ExampleSlogTrace() {
	srv := demoServer(ftptest.Config{Disable: map[string]string{"EPSV": "502 EPSV is not for everyone."}})
	defer srv.Close()
	ctx := context.Background()
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.LevelKey || a.Key == slog.MessageKey {
			return a
		}
		return slog.Attr{} // times and ports differ from run to run
	}}))
	c, err := ftp.Dial(ctx, srv.Addr, &ftp.Options{Trace: ftp.SlogTrace(logger)})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Retrieve(ctx, "/pub/hello.txt", io.Discard); err != nil {
		log.Fatal(err)
	}
	// Output:
	// level=WARN msg="ftp data connection"
	// level=INFO msg="ftp: EPSV led to no data connection: server answered EPSV with \"502 EPSV is not for everyone.\""
}

func ExampleError() {
	c, end := demo()
	defer end()
	_, err := c.Retrieve(context.Background(), "/pub/missing.txt", io.Discard)
	fmt.Println("missing:", errors.Is(err, fs.ErrNotExist))
	var e *ftp.Error
	if errors.As(err, &e) {
		fmt.Println(e.Op, e.Path, e.Command, e.Reply.Code)
	}
	// Output:
	// missing: true
	// retrieve /pub/missing.txt RETR 550
}
