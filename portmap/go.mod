module github.com/dualport/ftp/portmap

go 1.26.0

require github.com/dualport/ftp v0.0.0

replace github.com/dualport/ftp => ../
