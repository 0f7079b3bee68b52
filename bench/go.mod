module github.com/dualport/ftp/bench

go 1.26.0

replace github.com/dualport/ftp => ../

require (
	github.com/dualport/ftp v0.0.0-00010101000000-000000000000
	github.com/jlaffaye/ftp v0.2.4
	github.com/stretchr/testify v1.12.1
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect
