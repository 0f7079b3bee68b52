module github.com/dualport/ftp/lab

go 1.26.0

require (
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.23.0
	github.com/dualport/ftp v0.0.0
	github.com/pion/stun/v3 v3.1.7
	github.com/stretchr/testify v1.12.1
	go.yaml.in/yaml/v3 v3.0.5
	golang.org/x/sync v0.25.0
	golang.org/x/sys v0.49.0
)

require (
	github.com/huin/goupnp v1.3.1 // indirect
	github.com/libp2p/go-netroute v0.4.0 // indirect
	golang.org/x/net v0.62.0 // indirect
)

require (
	github.com/dualport/ftp/portmap v0.0.0
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/pion/dtls/v3 v3.1.5 // indirect
	github.com/pion/logging v0.2.4 // indirect
	github.com/pion/transport/v4 v4.1.0 // indirect
	github.com/wlynxg/anet v0.0.5 // indirect
	golang.org/x/crypto v0.58.0 // indirect
)

replace github.com/dualport/ftp => ../

replace github.com/dualport/ftp/portmap => ../portmap
