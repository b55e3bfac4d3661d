#!/bin/sh
# <xbar.title>Cloudmount</xbar.title>
# <xbar.version>v1.0</xbar.version>
# <xbar.desc>S3 buckets as folders: what is mounted, pending or wrong; open, mount, unmount, flush, logs.</xbar.desc>
# <xbar.dependencies>cloudmount</xbar.dependencies>
# <swiftbar.hideAbout>true</swiftbar.hideAbout>
# <swiftbar.hideRunInTerminal>true</swiftbar.hideRunInTerminal>
#
# A menu-bar plugin for xbar (https://xbarapp.com) and SwiftBar: copy it into the plugin folder and make it
# executable. The "10s" in its name is how often it looks. Programs of the menu bar have a PATH of their own.
PATH="$HOME/.local/bin:$HOME/.deno/bin:/opt/homebrew/bin:/usr/local/bin:$PATH"
if ! command -v cloudmount >/dev/null; then
  echo "☁ | color=gray"
  echo "---"
  echo "The program cloudmount was not found in $PATH"
  exit 0
fi
exec cloudmount status --format xbar
